import Foundation
import Tensors
import TestSupport

/// A run small enough to be repeated: few records, a teacher of two steps, no evaluation.
struct SmallRun {
  let folder: URL
  var settings = [
    "data.records=60", "data.questions.report=0", "teacher.steps=2", "train.steps=20", "train.global_batch=24",
    "train.warmup=2", "evaluation.enabled=false", "checkpoint.every=10",
  ]

  func start(
    _ name: String, ranks: Int, _ more: [String] = [], options: [String] = [], seconds: Int = 240,
    started: ((String) throws -> Void)? = nil
  ) throws -> MPIRun.Outcome {
    try MPIRun.run(
      ranks: ranks, MPIRun.program("evl-dist"), arguments(name, more, options), seconds: seconds, started: started)
  }

  /// The same by launch/local.
  func launch(
    _ name: String, ranks: Int, _ more: [String] = [], seconds: Int = 240, started: ((String) throws -> Void)? = nil
  ) throws -> MPIRun.Outcome {
    try MPIRun.run(
      command: [MPIRun.script("local"), "-n", "\(ranks)", "--linger", "3", "--"] + arguments(name, more, []),
      seconds: seconds, settings: ["EVL_DIST": MPIRun.program("evl-dist").path], started: started)
  }

  /// The same on two hosts.
  func startOnTwoHosts(
    _ name: String, _ ranks: (Int, Int), _ more: [String] = [], options: [String] = [],
    started: ((String) throws -> Void)? = nil
  ) throws -> MPIRun.Outcome {
    try TwoHosts.run(
      ranks, options: options, MPIRun.program("evl-dist"), arguments(name, more, []), seconds: 240, started: started)
  }

  /// The same with a /dev/shm mounted with these options.
  func startWithDevShm(
    _ options: String, _ name: String, ranks: Int, _ more: [String] = [], started: ((String) throws -> Void)? = nil
  ) throws -> MPIRun.Outcome {
    let mounted = "mount -t tmpfs -o \(options) tmpfs /dev/shm && exec \"$@\""
    return try MPIRun.run(
      command: [
        "unshare", "--mount", "sh", "-c", mounted, "sh",
      ] + MPIRun.launcher + ["-n", "\(ranks)", MPIRun.program("evl-dist").path] + arguments(name, more, []),
      seconds: 240, started: started)
  }

  /// Two ranks, the second with other settings, or with another environment variable.
  func startApart(
    _ name: String, second more: [String] = [], variable: (name: String, value: String)? = nil
  ) throws -> MPIRun.Outcome {
    let program = MPIRun.program("evl-dist").path
    let given = variable.map { MPIRun.giving($0.name, $0.value) } ?? []
    let command =
      MPIRun.launcher + ["-n", "1", program] + arguments(name, [], []) + [":", "-n", "1"]
      + given + [program] + arguments(name, more, [])
    return try MPIRun.run(command: command, seconds: 240)
  }

  func arguments(_ name: String, _ more: [String], _ options: [String]) -> [String] {
    let all = settings + ["run.folder=\(run(name).path)", "teacher.cache=\(folder.path)/teachers"] + more
    return ["train"] + options + all.flatMap { ["--set", $0] }
  }

  /// The process of one rank of a run that goes on.
  func process(ofRank rank: Int, _ name: String) -> pid_t? {
    MPIRun.process { process, words in
      words.contains("run.folder=\(run(name).path)") && Self.isRank(rank, process)
    }
  }

  /// Whether that process is that rank of its job.
  static func isRank(_ rank: Int, _ process: pid_t) -> Bool {
    MPIRun.words("environ", of: process)
      .contains { ["OMPI_COMM_WORLD_RANK=\(rank)", "PMI_RANK=\(rank)"].contains($0) }
  }

  /// Words before a command that make it run on a host of another name.
  static let elsewhere = ["unshare", "--uts", "sh", "-c", "hostname elsewhere && exec \"$@\"", "sh"]

  /// Waits, half a minute at most, until a run has logged so many steps.
  func wait(_ name: String, steps: Int) {
    for _ in 0..<600 where ((try? metrics(name).count) ?? 0) < steps { usleep(50_000) }
  }

  func run(_ name: String) -> URL { folder.appendingPathComponent(name) }

  func digest(_ name: String) throws -> String {
    try Digest.sha256(fileAt: run(name).appendingPathComponent("student/model.safetensors"))
  }

  func metrics(_ name: String) throws -> [[String: Any]] {
    try String(contentsOf: run(name).appendingPathComponent("metrics.jsonl"), encoding: .utf8)
      .split(separator: "\n").compactMap { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
      .filter { $0["phase"] as? String == "student" }
  }
}
