import ArgumentParser
import Cluster
import Experiments
import Foundation
import Tensors

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "* What this machine gives: MPI, matrix kernels and their speed, threads, pinning, shared memory.",
    discussion: """
      Run it under mpirun as the job will be run, to see where its ranks would be: which processors each may use, with how
      many threads, at which memory. What a run needs is taken from the configuration: threads per rank, shards, memory.
      """)

  @OptionGroup var options: ConfigurationOptions
  @Option(help: "Threads per rank; the configuration's train.threads when left out.") var threads: Int?
  @Flag(help: "Report as JSON.") var json = false

  func validate() throws {
    guard (1...1024).contains(threads ?? 1) else { throw ValidationError("--threads is from 1 to 1024") }
  }

  func run() throws {
    try onEveryRank(clearing: false) { communicator in
      let configuration = try communicator.agree { try options.resolved().configuration }
      let threads = threads ?? configuration.train.threads
      ProductLibrary.setThreads(threads)
      let topology = try Topology.gather(among: communicator, threads: threads)
      try communicator.agree {
        guard communicator.isController else { return }
        let environment = ProcessInfo.processInfo.environment
        let settings = [MatrixKernels.variable, MatrixKernels.waitVariable]
        let report = try MachineReport(
          topology: topology, messagePassing: messagePassing(communicator), size: TrainedSize(configuration),
          sharing: configuration.train.sharing, shards: configuration.train.shards,
          settings: environment.filter { settings.contains($0.key) },
          notes: notes(environment))
        print(json ? try report.json() + "\n" : report.text(), terminator: "")
      }
    }
  }

  /// The marks launch/local looks for too.
  private static func isInContainer(_ environment: [String: String]) -> Bool {
    let variables = ["container", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "KUBERNETES_SERVICE_HOST"]
    let group = (try? String(contentsOfFile: "/proc/1/cgroup", encoding: .utf8)) ?? ""
    return ["/.dockerenv", "/run/.containerenv"].contains { FileManager.default.fileExists(atPath: $0) }
      || variables.contains { environment[$0]?.isEmpty == false }
      || ["docker", "containerd", "kubepods", "lxc"].contains { group.contains($0) }
  }

  /// The MPI library, also where nothing has started it.
  private func messagePassing(_ communicator: any Communicator) -> String {
    communicator is SingleRank ? "\(MessagePassing.linkedLibrary), not started" : communicator.library
  }

  /// What mpirun wants here.
  private func notes(_ environment: [String: String]) -> [String] {
    MessagePassing.linkedLibrary.hasPrefix("Open MPI") ? openMPINotes(environment) : []
  }

  private func openMPINotes(_ environment: [String: String]) -> [String] {
    var notes: [String] = []
    if getuid() == 0 {
      notes.append(
        "running as root: mpirun wants OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; launch/local sets them"
      )
    }
    notes.append(
      "mpirun refuses more ranks than the \(ProcessInfo.processInfo.activeProcessorCount) processors here, unless "
        + "--oversubscribe or OMPI_MCA_rmaps_base_oversubscribe=1 is given; launch/local gives it")
    if Self.isInContainer(environment) {
      notes.append("inside a container: launch/local sets OMPI_MCA_btl_vader_single_copy_mechanism=none")
    }
    if environment["OMPI_COMM_WORLD_SIZE"] != nil, environment["OMPI_MCA_mpi_yield_when_idle"] == nil {
      notes.append("with more ranks than processors set OMPI_MCA_mpi_yield_when_idle=1; launch/local does")
    }
    return notes
  }
}
