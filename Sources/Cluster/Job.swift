import Foundation
import Tensors

/// The beginning and the end of a job on one or many ranks.
public enum Job {
  /// The communicator of this process: MPI where a launcher started it, one rank otherwise.
  ///
  /// - Throws: `UserError` where several processes were started that do not know of each other: `.unavailable` where the
  ///   launcher is that of another MPI library, `.usage` where it speaks none.
  public static func connect(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> any Communicator {
    let launcher = Launcher(environment: environment)
    if launcher.rank != nil {
      let start = try StartGuard(environment: environment)
      defer { start.end() }
      let communicator = try MessagePassing()
      if let count = launcher.strangers(worldSize: communicator.size) {
        try? communicator.finish()
        throw strangers(count)
      }
      return communicator
    }
    if let tasks = environment["SLURM_STEP_NUM_TASKS"].flatMap(Int.init), tasks > 1 {
      throw UserError(
        .usage, "srun started \(tasks) processes that do not know of each other",
        remedy: "start with mpirun inside the allocation, or with srun --mpi=pmix")
    }
    return SingleRank()
  }

  /// Runs a program on every rank and returns the process's exit code.
  ///
  /// An error all ranks agreed on is printed by rank 0 and the job ends in order; an error of one rank is printed by that
  /// rank and ends the others at once.
  public static func run(_ body: (any Communicator) throws -> Void) -> Int32 {
    let communicator: any Communicator
    do {
      communicator = try connect()
    } catch {
      return end(before: UserError.from(error), of: Launcher())
    }
    Watchdog(communicator.status).start()
    do {
      try body(communicator)
      try communicator.finish()
      return 0
    } catch let agreed as AgreedError {
      if communicator.isController, communicator.status.claimEnd(code: agreed.error.exitCode) { report(agreed.error) }
      try? communicator.finish()
      return agreed.error.exitCode
    } catch {
      let error = UserError.from(error)
      communicator.abort(error)
      return error.exitCode
    }
  }

  /// What each of them would do alone, in the same folder.
  private static func strangers(_ count: Int) -> UserError {
    let library = MessagePassing.linkedLibrary.prefix { $0 != "," }
    return UserError(
      .unavailable,
      "the launcher started \(count) processes that do not know of each other: this program is built with "
        + "\(library), and the launcher is another MPI's",
      remedy: "start with launch/local, which finds the right one, or with mpiexec.hydra (MPICH) or mpirun (Open MPI); "
        + "or build with the launcher's library (EVL_MPI, docs/mpi.md)")
  }

  /// The code of an error that came before the ranks knew of each other. What every one of them finds, the first tells; the
  /// others wait, since a launcher ends all when one has left.
  private static func end(before error: UserError, of launcher: Launcher) -> Int32 {
    let concernsAll = error.kind == .usage || error.kind == .unavailable
    if launcher.isFirst || !concernsAll { report(error) } else { sleep(2) }
    return error.exitCode
  }

  /// Prints an error on standard error, in one piece. A stop by request is said but not called an error.
  public static func report(_ error: UserError) {
    FileHandle.standardError.write(Data("\(error.kind == .stopped ? "" : "error: ")\(error)\n".utf8))
  }
}
