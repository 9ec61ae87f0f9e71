import Foundation

/// A Slurm of its own on this machine, made by launch/one-node-slurm.
public enum OneNodeSlurm {
  /// Whether this machine can run one; prints a clear line when it cannot.
  public static let isPossible: Bool = {
    guard MPIRun.isPresent else { return false }
    let outcome = try? MPIRun.run(command: [MPIRun.script("one-node-slurm"), "--check"])
    if outcome?.code != 0 {
      print("skipped: \(outcome?.errors ?? "launch/one-node-slurm does not start")", terminator: "")
    }
    return outcome?.code == 0
  }()

  /// Runs a script of bash in which sbatch and the like reach the cluster, and `finish JOB` waits for the job's end and
  /// prints what Slurm knows of it.
  public static func run(_ script: String, _ arguments: [String], seconds: Int, folder: URL) throws -> MPIRun.Outcome {
    let finish = """
      finish() {
        while scontrol --oneliner show job "$1" | grep -qE 'JobState=(PENDING|CONFIGURING|RUNNING|SIGNALING|STAGE_OUT|COMPLETING|REQUEUED) '; do
          sleep 0.3
        done
        scontrol --oneliner show job "$1"
      }

      """
    return try MPIRun.run(
      command: [
        MPIRun.script("one-node-slurm"), "--limit", "\(seconds - 20)", "--logs", folder.path, "--", "bash", "-euc",
        finish + script, "bash",
      ] + arguments, seconds: seconds, folder: folder)
  }
}
