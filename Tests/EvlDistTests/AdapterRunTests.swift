import Foundation
import Models
import Tensors
import TestSupport
import Testing

/// Runs whose student is trained by adapters of low rank, and students of a given shape.
@Suite(.serialized) struct AdapterRunTests {
  private func lora(_ folder: URL) -> [String] {
    ["train.lora.rank=4", "student.path=\(folder.path)/base/student", "train.steps=8", "checkpoint.every=4"]
  }

  @Test func theStudentIsTheSameOnAnyNumberOfRanksResumedMergedAndExported() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      #expect(try small.start("base", ranks: 1, ["train.steps=2"]).code == 0)
      for (name, ranks) in [("one", 1), ("three", 3)] {
        let outcome = try small.start(name, ranks: ranks, lora(folder))
        #expect(outcome.code == 0 && outcome.output.contains("adapters of rank 4"), "\(outcome)")
      }
      let whole = try small.digest("one")
      #expect(try small.digest("three") == whole && whole != (try small.digest("base")))

      // From the middle, on other ranks, in bits that do not know of it.
      let manager = FileManager.default
      let last = small.run("three/checkpoints/step-00000008")
      let kept = folder.appendingPathComponent("kept/step-00000008")
      try manager.createDirectory(at: kept.deletingLastPathComponent(), withIntermediateDirectories: true)
      try manager.moveItem(at: last, to: kept)
      try manager.removeItem(at: small.run("three/student"))
      #expect(try small.start("three", ranks: 2, lora(folder)).code == 0)
      #expect(try small.digest("three") == whole)

      let files = try manager.contentsOfDirectory(atPath: kept.path)
      #expect(files.contains("adapter_model.safetensors") && !files.contains("model.safetensors"))
      let merged = folder.appendingPathComponent("merged")
      #expect(try CommandTests.run(["export", kept.path, merged.path]).code == 0)
      #expect(try Digest.sha256(fileAt: merged.appendingPathComponent("model.safetensors")) == whole)
      let moved = folder.appendingPathComponent("moved")
      try manager.moveItem(at: small.run("base"), to: moved)
      let lost = try CommandTests.run(["export", kept.path, folder.path + "/lost"])
      #expect(lost.code == 65 && lost.errors.contains("--base"))
      #expect(
        try CommandTests.run(["export", kept.path, folder.path + "/found", "--base", moved.path + "/student"]).code == 0
      )
      let described = try CommandTests.run(["inspect", kept.path])
      #expect(described.code == 0 && described.output.contains("layers with an adapter"))
    }
  }

  @Test func anotherBaseOrOtherAdaptersAreRefused() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      #expect(try small.start("base", ranks: 1, ["train.steps=2"]).code == 0)
      #expect(try small.start("other", ranks: 1, ["train.steps=1"]).code == 0)
      #expect(try small.start("run", ranks: 1, lora(folder)).code == 0)
      for (more, word) in [
        (["train.lora.alpha=8"], "train.lora.alpha: the checkpoint has 32"),
        (["train.lora.targets=[q_proj]"], "train.lora.targets"),
        (["student.path=\(small.run("other").path)/student"], "the student's frozen weights"),
        (["train.lora.rank=0"], "the model's shape"), (["train.lora.targets=[nothing]"], "no module of the student"),
        (["train.lora.full=[]", "objective.weighting=gradnorm"], "train.lora"),
      ] {
        let outcome = try small.start("run", ranks: 1, lora(folder) + more)
        #expect(outcome.code == 64 && outcome.errors.contains(word), "\(more): \(outcome.errors)")
      }
      for options in [[], ["--dry-run"]] {
        let gradNorm = try small.start(
          "new", ranks: 1, lora(folder) + ["train.lora.full=[]", "objective.weighting=gradnorm"], options: options)
        #expect(gradNorm.code == 64 && gradNorm.errors.contains("connector"), "\(gradNorm.errors)")
      }
    }
  }

  @Test func aStudentOfAShapeIsTrainedInBfloat16WithAdaptersAndPlannedFor() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let shape = folder.appendingPathComponent("shape")
      #expect(try small.start("base", ranks: 1, ["train.steps=1", "data.view=image"]).code == 0)
      try FileManager.default.createDirectory(at: shape, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: small.run("base/student/config.json"), to: shape.appendingPathComponent("config.json"))
      let settings = [
        "student.shape=\(shape.path)", "data.view=image", "train.lora.rank=2", "train.precision=bf16",
        "train.recompute=true", "train.steps=2", "train.global_batch=4", "train.shards=4",
      ]
      let planned = try small.start("run", ranks: 1, settings, options: ["--dry-run"])
      #expect(planned.code == 0, "\(planned)")
      for row in [
        "of adapters trained", "trained weights", "moments of AdamW", "student's frozen weights",
        "student's activations", "teacher's weights", "memory per rank", "memory per node",
      ] { #expect(planned.output.contains(row), "\(row) in \(planned.output)") }
      #expect(!FileManager.default.fileExists(atPath: small.run("run").path))
      let outcome = try small.start("run", ranks: 2, settings)
      #expect(outcome.code == 0 && outcome.output.contains("memory: at most"), "\(outcome)")
      #expect(try ModelFolder(small.run("run/student")).configuration.parameterCount > 100_000)
      for step in try small.metrics("run") { #expect((step["operations"] as? Double ?? 0) > 1e6) }
      let both = try small.start("run", ranks: 1, settings + ["student.path=\(shape.path)"])
      #expect(both.code == 64 && both.errors.contains("student.path and student.shape"))
    }
  }
}
