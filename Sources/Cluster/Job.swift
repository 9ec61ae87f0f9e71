import Foundation
import Tensors

/// The beginning and the end of a job on one or many ranks.
public enum Job {
  /// The communicator of this process: MPI where a launcher started it, one rank otherwise.
  ///
  /// - Throws: `UserError(.usage)` where several processes were started that do not know of each other.
  public static func connect(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> any Communicator {
    if MessagePassing.startedByLauncher {
      let start = try StartGuard(environment: environment)
      defer { start.end() }
      return try MessagePassing()
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
      let error = UserError.from(error)
      report(error)
      return error.exitCode
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

  /// Prints an error on standard error, in one piece. A stop by request is said but not called an error.
  public static func report(_ error: UserError) {
    FileHandle.standardError.write(Data("\(error.kind == .stopped ? "" : "error: ")\(error)\n".utf8))
  }
}
