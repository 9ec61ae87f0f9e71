import ArgumentParser
import Cluster
import Evaluation
import Experiments
import Foundation
import Tensors

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "* What this machine gives: MPI, matrix kernels and their speed, threads, pinning, shared memory.",
    discussion: "Run it under mpirun as the job will be run, to see where its ranks would be.")

  @Option(help: "Threads per rank, as train.threads.") var threads = 1

  func validate() throws {
    guard (1...1024).contains(threads) else { throw ValidationError("--threads is from 1 to 1024") }
  }

  func run() throws {
    try onEveryRank { communicator in
      ProductLibrary.setThreads(threads)
      let topology = try Topology.gather(among: communicator, threads: threads)
      guard communicator.isController else { return }
      print(matrixTable(), terminator: "")
      print("\n" + rankTable(topology, communicator), terminator: "")
      let notes = topology.warnings + environmentNotes()
      if !notes.isEmpty { print("\n" + notes.map { "note: \($0)" }.joined(separator: "\n")) }
    }
  }

  private func matrixTable() -> String {
    let measured = MatrixBenchmark().run(size: 1024, repetitions: 5)
    var table = TextTable()
    table.heading("Matrix products", "")
    table.row("library", ProductLibrary.version.split(separator: " ").prefix(2).joined(separator: " "))
    table.row("kernels for", ProductLibrary.coreType)
    table.row(
      "set by",
      ProcessInfo.processInfo.environment[MatrixKernels.variable].map { "\(MatrixKernels.variable)=\($0)" }
        ?? "the library's own detection")
    table.row("measured peak of a core", String(format: "%.0f GFLOP/s", measured.peak))
    table.row("1024 x 1024 x 1024 product", String(format: "%.0f GFLOP/s", measured.median))
    table.row("share of the peak", String(format: "%.0f%%", 100 * measured.median / measured.peak))
    return table.render()
  }

  private func rankTable(_ topology: Topology, _ communicator: any Communicator) -> String {
    var table = TextTable()
    table.heading("Rank", "host", "threads", "processors it may use", "of")
    for place in topology.places {
      let first = place.processors.prefix(8).map(String.init).joined(separator: ",")
      table.row(
        "\(place.rank)", place.host, "\(place.threads)", first + (place.processors.count > 8 ? ",..." : ""),
        "\(place.hostProcessors)")
    }
    return table.render() + "message passing: \(communicator.library)\n"
  }

  /// The marks launch/local looks for too.
  private static func isInContainer(_ environment: [String: String]) -> Bool {
    let variables = ["container", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "KUBERNETES_SERVICE_HOST"]
    let group = (try? String(contentsOfFile: "/proc/1/cgroup", encoding: .utf8)) ?? ""
    return ["/.dockerenv", "/run/.containerenv"].contains { FileManager.default.fileExists(atPath: $0) }
      || variables.contains { environment[$0]?.isEmpty == false }
      || ["docker", "containerd", "kubepods", "lxc"].contains { group.contains($0) }
  }

  private func environmentNotes() -> [String] {
    var notes: [String] = []
    let environment = ProcessInfo.processInfo.environment
    if getuid() == 0 {
      notes.append(
        "running as root: mpirun wants OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; launch/local sets them"
      )
    }
    var memory = statvfs()
    if statvfs("/dev/shm", &memory) == 0 {
      let free = Double(memory.f_bavail) * Double(memory.f_frsize) / 1e6
      notes.append(
        String(format: "/dev/shm has %.0f MB free", free) + (free < 256 ? "; a container gets more by --shm-size" : ""))
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
