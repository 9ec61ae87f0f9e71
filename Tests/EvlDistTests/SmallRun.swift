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
    _ name: String, ranks: Int, _ more: [String] = [], options: [String] = [],
    started: ((String) throws -> Void)? = nil
  ) throws -> MPIRun.Outcome {
    let all = settings + ["run.folder=\(run(name).path)", "teacher.cache=\(folder.path)/teachers"] + more
    return try MPIRun.run(
      ranks: ranks, MPIRun.program("evl-dist"), ["train"] + options + all.flatMap { ["--set", $0] }, seconds: 240,
      started: started)
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
