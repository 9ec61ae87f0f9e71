import Foundation
import Tensors
import TestSupport
import Testing

/// Jobs that `evl-dist launch slurm` prints, on a Slurm of one node with eight declared cores.
@Suite(.serialized, .enabled(if: OneNodeSlurm.isPossible)) struct SlurmTests {
  /// Prints a job for these settings into a file.
  private func job(
    _ small: SmallRun, _ name: String, _ more: [String] = [], options: [String] = [], edit: (String) -> String = { $0 }
  ) throws -> String {
    let train = small.arguments(name, ["run.margin=20"] + more, []).dropFirst()
    let printed = try CommandTests.run(
      [
        "launch", "slurm", "--step-seconds", "0.1", "--name", name, "--program", MPIRun.program("evl-dist").path,
        "--bind", "none", "--grace", "3",
      ] + options + train)
    #expect(printed.code == 0, "\(printed.errors)")
    let file = small.folder.appendingPathComponent("\(name).sbatch")
    try Data(edit(printed.output).utf8).write(to: file)
    return file.path
  }

  private func log(_ small: SmallRun, _ name: String) -> String {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: small.folder.path)) ?? []
    let file = files.first { $0.hasPrefix("\(name)-") && $0.hasSuffix(".log") } ?? ""
    return (try? String(contentsOf: small.folder.appendingPathComponent(file), encoding: .utf8)) ?? ""
  }

  private func checkpoints(_ small: SmallRun, _ name: String) -> [String] {
    let folder = small.run("\(name)/checkpoints")
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).map {
      folder.appendingPathComponent($0).path
    }
  }

  /// A minute is the shortest limit that Slurm knows, so the training is made to take longer.
  @Test func aJobWhoseTimeIsUpSavesQueuesItselfAgainAndEndsWithTheSameBits() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["checkpoint.every=0"]
      #expect(try small.start("timed", ranks: 8, ["train.steps=20"]).code == 0)
      let times = try small.metrics("timed").suffix(15).compactMap { $0["seconds"] as? Double }
      let steps = Int(65 / (times.reduce(0, +) / Double(max(times.count, 1))))
      let script = try job(small, "limited", ["train.steps=\(steps)"], options: ["--time", "00:01:00"])
      let outcome = try OneNodeSlurm.run(
        "finish \"$(sbatch --parsable \"$1\")\"", [script], seconds: 560, folder: folder)
      let log = log(small, "limited")
      #expect(outcome.code == 0 && outcome.output.contains(" JobState=COMPLETED "), "\(outcome)\n\(log)")
      #expect(!outcome.output.contains(" Restarts=0 "), "not stopped by its limit in \(steps) steps: \(log)")
      #expect(log.contains("saved, and queued again") && log.contains("student: continuing from step "), "\(log)")
      print("\(steps) steps; \(log.components(separatedBy: "saved, and queued again").count - 1) restarts")
      #expect(try small.start("whole", ranks: 2, ["train.steps=\(steps)"]).code == 0)
      #expect(try small.digest("limited") == small.digest("whole"))
    }
  }

  @Test func scancelLeavesASoundCheckpointAndErrorsAreNotRepeated() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["train.steps=100000", "checkpoint.every=0"]
      let eight = try job(small, "cancelled")
      let asked = try job(small, "asked", options: ["--ranks-per-node", "2", "--restarts", "0"])
      let wrong = try job(small, "wrong", options: ["--ranks-per-node", "2"]) {
        $0.replacingOccurrences(of: "train.warmup=2", with: "train.warmup=two")
      }
      let missing = try job(
        small, "missing", ["data.kind=ptb-xl", "data.path=\(folder.path)/nowhere"], options: ["--ranks-per-node", "2"])
      let outcome = try OneNodeSlurm.run(
        """
        after_steps() { until [ "$(wc -l 2>/dev/null <"$1/metrics.jsonl" || echo 0)" -gt 5 ]; do sleep 0.2; done; }
        first="$(sbatch --parsable "$1")"
        after_steps cancelled
        scancel "$first"
        finish "$first"
        second="$(sbatch --parsable "$2")"
        after_steps asked
        scancel --batch --signal=USR1 "$second"
        finish "$second"
        finish "$(sbatch --parsable "$3")"
        finish "$(sbatch --parsable "$4")"
        """, [eight, asked, wrong, missing], seconds: 240, folder: folder)
      let jobs = outcome.lines.filter { $0.hasPrefix("JobId=") }
      #expect(outcome.code == 0 && jobs.count == 4, "\(outcome)")
      for (job, wanted) in zip(jobs, ["CANCELLED", "FAILED", "FAILED", "FAILED"]) {
        #expect(job.contains(" JobState=\(wanted) ") && job.contains(" Restarts=0 "), "\(job)")
      }
      for (job, code) in zip(jobs.dropFirst(), [75, 64, 74]) { #expect(job.contains(" ExitCode=\(code):0 "), "\(job)") }
      #expect(log(small, "cancelled").contains("SIGTERM: asking the ranks to save and stop"))
      #expect(log(small, "asked").contains("not queued again after 0 restarts"), "\(log(small, "asked"))")
      for name in ["cancelled", "asked"] {
        let saved = checkpoints(small, name)
        #expect(saved.count == 1, "\(saved)\n\(log(small, name))")
        for checkpoint in saved { #expect(try CommandTests.run(["verify", checkpoint]).code == 0) }
      }
    }
  }

  @Test func theClusterLeavesNothing() throws {
    try withTemporaryFolder { folder in
      let script =
        "sbatch --output=/dev/null --wrap 'sleep 300' >&2; until squeue -h | grep -q ' R '; do sleep 0.2; done; "
      let outcome = try OneNodeSlurm.run(script + "echo \"$SLURM_CONF\"; exit 7", [], seconds: 60, folder: folder)
      #expect(outcome.code == 7, "\(outcome)")
      let configuration = try #require(outcome.lines.last)
      #expect(
        !FileManager.default.fileExists(atPath: URL(fileURLWithPath: configuration).deletingLastPathComponent().path))
      let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }
      let left = processes.filter {
        let environment = FileManager.default.contents(atPath: "/proc/\($0)/environ") ?? Data()
        return String(decoding: environment, as: UTF8.self).contains(configuration)
      }
      #expect(left.isEmpty, "\(left)")
    }
  }
}
