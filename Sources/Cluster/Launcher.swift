import Foundation

/// What a launcher (mpirun, mpiexec, srun) tells a process of its job, known before MPI has started.
public struct Launcher: Sendable, Equatable {
  /// The number of this process; nil where no launcher started it.
  public let rank: Int?
  /// Its number on its host.
  public let localRank: Int?
  /// How many processes were started, by each launcher that says so: one within a job of another leaves both's words.
  let sizes: [Int]

  /// Of Open MPI, PMIx, MPICH's hydra and what descends from it, MVAPICH.
  public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    func numbers(_ names: String...) -> [Int] { names.compactMap { environment[$0].flatMap(Int.init) } }
    rank = numbers("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK").first
    localRank = numbers("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "MV2_COMM_WORLD_LOCAL_RANK").first
    sizes = numbers("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
  }

  /// Whether this process speaks for all of its job about what each of them finds by itself.
  public var isFirst: Bool { rank ?? 0 == 0 }

  /// How many processes were started that MPI did not join; nil where it has joined them, or there is but one.
  func strangers(worldSize: Int) -> Int? {
    guard worldSize == 1, let least = sizes.min(), least > 1 else { return nil }
    return least
  }

  /// The process of mpirun on its host, and of its daemon on others: MPICH's starts the ranks through a proxy of its own.
  public static var process: Int32 { process(above: getppid(), SystemFiles(root: URL(fileURLWithPath: "/"))) }

  static func process(above parent: Int32, _ files: SystemFiles) -> Int32 {
    guard files.text("proc/\(parent)/comm") == "hydra_pmi_proxy",
      let next = files.field("PPid", of: "proc/\(parent)/status").flatMap(Int32.init), next > 1
    else { return parent }
    return next
  }
}
