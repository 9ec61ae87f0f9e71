import Foundation

/// Two hosts made of this machine by launch/two-hosts.
public enum TwoHosts {
  /// Whether this machine permits network namespaces; prints a clear line when it does not.
  public static let arePossible: Bool = {
    guard MPIRun.isPresent, MPIRun.isOpenMPI("two hosts") else { return false }
    let outcome = try? MPIRun.run(command: [MPIRun.script("two-hosts"), "--check"])
    if outcome?.code != 0 { print("skipped: \(outcome?.errors ?? "launch/two-hosts does not start")", terminator: "") }
    return outcome?.code == 0
  }()

  /// Runs a program on so many ranks of the first and of the second host.
  public static func run(
    _ ranks: (Int, Int), options: [String] = [], _ program: URL, _ arguments: [String], seconds: Int = 60,
    started: ((String) throws -> Void)? = nil
  ) throws -> MPIRun.Outcome {
    try MPIRun.run(
      command: [MPIRun.script("two-hosts"), "-n", "\(ranks.0),\(ranks.1)"] + options + ["--", program.path] + arguments,
      seconds: seconds, started: started)
  }
}
