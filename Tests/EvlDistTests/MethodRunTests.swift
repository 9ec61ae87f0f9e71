import Foundation
import Tensors
import TestSupport
import Testing

/// The methods to compare with, as a user starts them.
@Suite(.serialized) struct MethodRunTests {
  /// What each method logs beside the total, in a run of a few steps whose norms are measured at every second one.
  private static let methods: [(name: String, parts: Set<String>)] = [
    ("kl", ["ce", "kl"]), ("tinybert", ["ce", "hidden", "embedding", "attention"]), ("uld", ["ce", "uld"]),
    ("rkd", ["ce", "distance", "angle"]),
  ]

  private static let settings = ["train.steps=4", "train.global_batch=32", "objective.norms.every=2"]

  /// Two models of one family: what vanilla KL asks for.
  private static func family(in folder: URL) throws -> [String] {
    let (student, teacher) = (folder.appendingPathComponent("s"), folder.appendingPathComponent("t"))
    try Fixtures.model(in: student, seed: 3)
    try Fixtures.model(in: teacher, seed: 4)
    return ["student.path=\(student.path)", "teacher.path=\(teacher.path)"]
  }

  @Test(arguments: methods)
  func everyMethodEndsWithTheSameStudentOnAnyNumberOfRanks(method: (name: String, parts: Set<String>)) throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      var more = Self.settings + ["objective.method=\(method.name)", "train.labelled=0.7"]
      if method.name == "kl" { more += try Self.family(in: folder) }
      for ranks in [1, 2, 3] {
        let outcome = try small.start("\(ranks)", ranks: ranks, more)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try small.digest("\(ranks)") == (try small.digest("1")))
      }
      let steps = try small.metrics("3")
      #expect(steps.count == 4)
      for (index, step) in steps.enumerated() {
        let losses = try #require(step["losses"] as? [String: Double])
        #expect(Set(losses.keys) == method.parts.union(["loss"]) && losses.values.allSatisfy { $0 > 0 })
        let norms = step["norms"] as? [String: Double]
        #expect((norms != nil) == (index % 2 == 1))
        if let norms, let factors = step["factors"] as? [String: Double] {
          #expect(Set(norms.keys) == method.parts && Set(factors.keys) == method.parts)
          #expect(norms.values.allSatisfy { $0 > 0 })
          let total = factors.reduce(0) { $0 + $1.value * (losses[$1.key] ?? .nan) }
          #expect(abs(total - (losses["loss"] ?? .nan)) < 1e-9)
        }
      }
    }
  }

  @Test func gradNormIsStoppedAndGoesOnWithTheSameBits() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let adapted = ["train.steps=6", "objective.norms.every=2", "objective.weighting=gradnorm"]
      let dumped = folder.appendingPathComponent("case.safetensors")
      #expect(try small.start("straight", ranks: 2, adapted, options: ["--dump-case", "5", dumped.path]).code == 0)
      try expectReproduced(dumped)
      #expect(try small.start("resumed", ranks: 3, adapted + ["train.steps=3"]).code == 0)
      let outcome = try small.start("resumed", ranks: 1, adapted)
      #expect(outcome.code == 0 && !outcome.errors.contains("bits"), "\(outcome.errors)")
      #expect(try small.digest("resumed") == (try small.digest("straight")))
      let factors = try small.metrics("resumed").compactMap { $0["factors"] as? [String: Double] }
      #expect(factors.count == 3 && factors[0] != factors[1] && factors[1] != factors[2])
      #expect(factors.allSatisfy { $0["ce"] == 0.5 })
      #expect(try small.metrics("straight").compactMap { $0["factors"] as? [String: Double] } == factors)
      let file = try Data(
        contentsOf: small.run("resumed/checkpoints/step-00000006").appendingPathComponent("state.json"))
      let state = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
      let weighting = try #require(state["weighting"] as? [String: [String: Double]])
      #expect(weighting["weights"]?.count == 3 && weighting["initialLosses"]?.count == 3)
    }
  }

  /// A loss case written while the factors were adapted holds those of its step.
  private func expectReproduced(_ file: URL) throws {
    let out = file.appendingPathExtension("out")
    #expect(try CommandTests.run(["loss", file.path, "--out", out.path]).code == 0)
    let (logged, computed) = (try SafetensorsFile(contentsOf: file), try SafetensorsFile(contentsOf: out))
    #expect(logged.metadata["lambda_rel"] != "1.0")
    for name in ["out.total.perseq", "out.grad.Wq.perseq", "out.grad.Wp.perseq"] {
      let (a, b) = (try computed.tensor(name, as: Double.self), try logged.tensor(name, as: Double.self))
      a.add(b, times: -1)
      #expect(a.sumOfSquares.squareRoot() <= 1e-4 * b.sumOfSquares.squareRoot(), "\(name)")
    }
  }

  @Test func withoutAnyLabelOnlyWhatNeedsNoAnswerIsLearned() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      for (method, learns) in [("uld", false), ("tinybert", true)] {
        let outcome = try small.start(
          method, ranks: 2, Self.settings + ["objective.method=\(method)", "train.labelled=0"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        for step in try small.metrics(method) {
          #expect(((step["gradient_norm"] as? Double ?? .nan) > 0) == learns)
        }
      }
    }
  }

  @Test func whatAMethodCannotDoIsRefusedBeforeAnythingIsWritten() throws {
    try withTemporaryFolder { folder in
      let (wide, narrow) = (folder.appendingPathComponent("wide"), folder.appendingPathComponent("narrow"))
      try Fixtures.modelOfMoreVisualTokens(in: wide)
      try Fixtures.model(in: narrow)
      let refused: [(settings: [String], options: [String], words: [String])] = [
        (["method=kl"], [], ["512 tokens", "1024 tokens", "student's", "teacher's", "uld"]),
        (
          ["method=kl"], ["--set", "student.path=\(narrow.path)", "--set", "teacher.path=\(wide.path)"],
          ["64 tokens to the student", "256 to the teacher"]
        ),
        (["method=rkd"], ["--set", "train.global_batch=24"], ["rkd", "needs 4", "train.global_batch (24)"]),
        (["method=uld", "weighting=gradnorm"], [], ["fewer than two"]),
        (["weighting=gradnorm", "norms.every=0"], [], ["objective.norms.every"]),
        (["method=rkd"], ["--dump-case", "1", "\(folder.path)/case"], ["--dump-case", "rkd", "evl"]),
        (["method=film"], [], ["film", "evl, ce, kl, tinybert, uld, rkd"]),
      ]
      for (settings, options, words) in refused {
        let run = folder.appendingPathComponent("run")
        let outcome = try CommandTests.run(
          ["train", "--set", "run.folder=\(run.path)", "--set", "teacher.cache=\(folder.path)/teachers"] + options
            + settings.flatMap { ["--set", "objective." + $0] })
        #expect(outcome.code == 64, "\(settings): \(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
        #expect(!FileManager.default.fileExists(atPath: run.path))
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("teachers").path))
      }
      let planned = try CommandTests.run(["train", "--dry-run", "--set", "objective.method=kl"])
      #expect(planned.code == 64 && planned.errors.contains("one vocabulary"))
    }
  }
}
