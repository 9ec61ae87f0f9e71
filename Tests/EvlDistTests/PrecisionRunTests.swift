import Foundation
import TestSupport
import Testing

/// Training in bfloat16 beside training in single precision.
@Suite(.serialized) struct PrecisionRunTests {
  private func losses(_ small: SmallRun, _ precision: String) throws -> [Double] {
    // The teacher's own training would differ, too.
    let outcome = try small.start(
      precision, ranks: 2, ["train.precision=\(precision)", "teacher.path=\(small.run("teacher").path)/student"])
    #expect(outcome.code == 0, "\(outcome)")
    return try small.metrics(precision).compactMap { ($0["losses"] as? [String: Any])?["loss"] as? Double }
  }

  /// The band that docs/precision.md states.
  @Test func lossCurvesAgreeWithinTheStatedBand() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      #expect(try small.start("teacher", ranks: 2, ["train.steps=2", "objective.method=ce"]).code == 0)
      let (exact, rounded) = (try losses(small, "f32"), try losses(small, "bf16"))
      #expect(exact.count == 20 && rounded.count == 20 && exact != rounded)
      for (a, b) in zip(exact, rounded) { #expect(abs(a - b) <= 0.05 * a, "\(a) \(b)") }
      for first in 0...10 {
        let (a, b) = (exact[first..<first + 10].reduce(0, +), rounded[first..<first + 10].reduce(0, +))
        #expect(abs(a - b) <= 0.02 * a, "steps \(first + 1) to \(first + 10): \(a) \(b)")
      }
    }
  }

  /// A teacher that stays in its file as F16 teaches the same bits on one rank and on two, at either precision.
  @Test(arguments: ["f32", "bf16"]) func aTeacherInHalfPrecisionGivesTheSameBitsOnOneRankAndTwo(precision: String)
    throws
  {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["train.steps=2"]
      #expect(try small.start("teacher", ranks: 2, ["objective.method=ce"]).code == 0)
      let teacher = small.run("teacher").appendingPathComponent("student")
      try StoredWeights.rewrite(teacher.appendingPathComponent("model.safetensors"), as: "F16")
      for ranks in [1, 2] {
        let outcome = try small.start(
          "\(ranks)", ranks: ranks, ["train.precision=\(precision)", "teacher.path=\(teacher.path)"])
        #expect(outcome.code == 0, "\(outcome)")
      }
      #expect(try small.digest("1") == small.digest("2"))
    }
  }
}
