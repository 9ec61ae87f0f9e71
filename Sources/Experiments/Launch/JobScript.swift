import Foundation
import Tensors

/// A job of a batch system: a script or a manifest that starts `evl-dist` on its nodes, has it saved before it is stopped,
/// and goes on afterwards.
///
/// Settings stand at the top; below them the text is the same in every job. The files of launch/ are the texts with the
/// settings of `init(_:)`.
public struct JobScript: Sendable {
  public enum System: String, CaseIterable, Sendable {
    case slurm, pbs, kubernetes

    /// The file of launch/.
    public var fileName: String {
      switch self {
      case .slurm: "slurm.sbatch"
      case .pbs: "pbs.sh"
      case .kubernetes: "kubernetes-mpijob.yaml"
      }
    }
  }

  /// Whether mpirun gives each rank cores of its own.
  public enum Binding: String, CaseIterable, Sendable { case core, none }

  public var system: System
  public var request = JobRequest()
  public var name = "evl-dist"
  /// The program, as the nodes find it.
  public var program = "evl-dist"
  public var arguments = ["train", "--set", "run.folder=runs/quick-start"]
  public var binding: Binding
  /// Seconds between a SIGTERM and the SIGKILL that mpirun sends after it.
  public var grace = 25
  /// How often the job may begin anew.
  public var restarts = 100
  /// Slurm's partition, PBS's queue; empty: the system's own choice.
  public var partition = ""
  /// Slurm's and PBS's account; empty: the user's own.
  public var account = ""
  /// The container, on Kubernetes.
  public var image = "registry.example/evl-dist:latest"
  /// The persistent volume claim that holds data and run folder, on Kubernetes.
  public var volume = "evl-dist"

  /// The quick start on one node.
  public init(_ system: System) {
    self.system = system
    // The first cores of a host may not be those of a container.
    binding = system == .kubernetes ? .none : .core
  }

  /// Ends the settings: what follows is the same in every job.
  public static let seam = "---- From here on the same in every job ----"

  /// The script.
  ///
  /// - Throws: `UserError(.usage)` for a name or value that the batch system could not read.
  public func text() throws -> String {
    try check()
    return switch system {
    case .slurm: slurm()
    case .pbs: pbs()
    case .kubernetes: kubernetes()
    }
  }

  /// Seconds that a save must have at least.
  private static let leastForSave = 10

  private func check() throws {
    // mpirun goes on for the grace twice when the ranks have ended, and a job that is ended meanwhile is not queued again.
    guard system == .kubernetes || request.margin >= 2 * grace + Self.leastForSave else {
      throw UserError(
        .usage,
        "run.margin is \(request.margin) s, of which mpirun takes \(2 * grace) after a save: twice the grace of \(grace)",
        remedy: "run.margin of at least \(2 * grace + Self.leastForSave) and the time of a step and a save, or a lower "
          + "--grace")
    }
    let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789-")
    guard (1...40).contains(name.count), name.allSatisfy(letters.contains), name.first != "-", name.last != "-" else {
      throw UserError(
        .usage, "\"\(name)\" is no name of a job", remedy: "use up to 40 lower-case letters, digits and inner hyphens")
    }
    for (option, value) in [("partition", partition), ("account", account), ("image", image), ("volume", volume)] {
      guard value.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "._-/:@+".contains($0)) }) else {
        throw UserError(.usage, "--\(option) \"\(value)\" holds a character that no such name has")
      }
    }
    for word in arguments + [program] where word.contains(where: \.isNewline) {
      throw UserError(.usage, "an argument holds a line break", remedy: "put the value into a configuration file")
    }
  }

  // MARK: Settings

  /// The settings that all systems share, as assignments of bash.
  var assignments: String {
    """
    PROGRAM=\(Self.quoted(program))
    ARGUMENTS=(\(arguments.map(Self.quoted).joined(separator: " ")))
    BIND=\(binding.rawValue)
    THREADS=\(request.threads)
    GRACE=\(grace)
    RESTARTS=\(restarts)
    """
  }

  /// A word as bash reads it.
  static func quoted(_ word: String) -> String {
    let plain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-/:@%+=,".contains($0)) }
    return plain && !word.isEmpty ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }

  // MARK: What all systems share

  /// Runs mpirun so that requests to stop reach its ranks: needs `asked`, `ended` and `code`.
  static let functions = #"""
    # A log that cannot be written is no reason to stop.
    say() { printf 'evl-dist job: %s\n' "$*" >&2 || true; }

    job=""           # mpirun's process
    signalled=false  # whether a signal ended the last wait
    asked=false      # whether the ranks were asked to save and stop
    ended=false      # whether the batch system ends this job for good
    code=0           # of the last mpirun

    # mpirun hands SIGUSR1 and SIGUSR2 to every rank; they save and end with exit code 75, after SIGUSR2 within the grace.
    # shellcheck disable=SC2317  # called by traps
    ask_to_save() {
      signalled=true
      asked=true
      if [ -n "$job" ]; then kill "-$2" "$job" 2>/dev/null || true; fi
      say "$1: asking the ranks to save and stop"
    }
    trap 'ask_to_save SIGUSR1 USR1' USR1
    trap 'ended=true; ask_to_save SIGTERM USR2' TERM

    # run COMMAND...: in the background, because bash hears signals only while it waits; sets `code`.
    run() {
      local waited
      code=75
      if $asked; then return; fi
      "$@" &
      job=$!
      code=""
      while :; do
        signalled=false
        waited=0
        wait "$job" || waited=$?
        # 127: it had ended, and been waited for, just before the signal came.
        if [ "$waited" -ne 127 ] || [ -z "$code" ]; then code=$waited; fi
        $signalled || break
      done
      job=""
      # mpirun was asked before it listened, and nothing had begun.
      if $asked && { [ "$code" -eq 138 ] || [ "$code" -eq 140 ]; }; then code=75; fi
    }

    # How long a save may take after SIGTERM, told to the program and to mpirun, which follows it with SIGKILL
    # (a second later by default).
    export EVL_GRACE_SECONDS="$GRACE"
    options=(--mca odls_base_sigkill_timeout "$GRACE" -x EVL_GRACE_SECONDS)
    if [ "$BIND" = core ]; then
      options+=(--map-by "slot:PE=$THREADS" --bind-to core)
    else
      options+=(--bind-to none)
    fi
    """#
}
