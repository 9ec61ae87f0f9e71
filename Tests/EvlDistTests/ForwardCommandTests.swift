import Foundation
import Tensors
import TestSupport
import Testing

@testable import EvlDist

/// `forward` as a user starts it.
@Suite(.serialized) struct ForwardCommandTests {
  @Test(
    .enabled(if: SharedFiles.has("cases/models")), arguments: ["tiny_idefics3/io_ragged_rightpad", "tiny_llava/io"])
  func writesTheFixturesNamesAndShapes(
    _ path: String
  ) throws {
    let input = SharedFiles.url("cases/models/\(path).safetensors")
    try withTemporaryFolder { folder in
      let target = folder.appendingPathComponent("out.safetensors")
      let outcome = try CommandTests.run([
        "forward", "--model", input.deletingLastPathComponent().path, "--input", input.path, "--out", target.path,
        "--gradients",
      ])
      #expect(outcome.code == 0 && outcome.output.contains("loss  "), "\(outcome.errors)")
      let (expected, found) = (try SafetensorsFile(contentsOf: input), try SafetensorsFile(contentsOf: target))
      for (name, entry) in expected.entries where name.hasPrefix("out.") || name.hasPrefix("grad.") {
        #expect(found.entries[name]?.shape == entry.shape, "\(name)")
      }
      let (logits, own): (Tensor<Double>, Tensor<Double>) = (
        try expected.tensor("out.logits"), try found.tensor("out.logits")
      )
      #expect(zip(logits.array, own.array).allSatisfy { abs($0 - $1) < 1e-4 })
      let sizes = try CommandTests.run(["inspect", input.deletingLastPathComponent().path])
      #expect(sizes.code == 0 && sizes.output.contains(path.contains("llava") ? "LLaVA" : "Idefics3"))
    }
  }

  @Test(.enabled(if: SharedFiles.has("cases/models"))) func aModelFolderIsExportedInAnotherType() throws {
    let source = SharedFiles.url("cases/models/tiny_llava")
    try withTemporaryFolder { folder in
      let target = folder.appendingPathComponent("saved")
      let outcome = try CommandTests.run(["export", source.path, target.path, "--type", "bfloat16"])
      #expect(outcome.code == 0, "\(outcome.errors)")
      let (old, new) = (
        try SafetensorsFile(contentsOf: source.appendingPathComponent("model.safetensors")),
        try SafetensorsFile(contentsOf: target.appendingPathComponent("model.safetensors"))
      )
      #expect(old.names == new.names && new.entries.values.allSatisfy { $0.type == "BF16" })
      for name in ["tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"] {
        let files = [source, target].map { $0.appendingPathComponent(name) }
        #expect(try Data(contentsOf: files[0]) == Data(contentsOf: files[1]))
      }
      #expect(try CommandTests.run(["export", folder.path, target.path + "2"]).code == 65)
    }
  }

  @Test func whatDoesNotFitIsRefusedWithTheDocumentedCode() throws {
    try withTemporaryFolder { folder in
      let model = folder.appendingPathComponent("model")
      try Fixtures.model(in: model)
      let (input, output) = (folder.appendingPathComponent("in.safetensors"), folder.appendingPathComponent("out"))
      func forward(_ change: (inout SafetensorsWriter) -> Void, _ more: [String] = []) throws -> CommandTests.Outcome {
        var writer = SafetensorsWriter()
        change(&writer)
        try writer.write(to: input)
        return try CommandTests.run(
          ["forward", "--model", model.path, "--input", input.path, "--out", output.path] + more)
      }
      let none = try forward { $0.add("in.labels", integers: [1], shape: [1, 1]) }
      #expect(none.code == 65 && none.errors.contains("in.input_ids"))
      let flat = try forward { $0.add("in.input_ids", integers: [1, 2], shape: [2]) }
      #expect(flat.code == 65 && flat.errors.contains("[batch, length]") && flat.errors.contains("docs/models.md"))
      let foreign = try forward { $0.add("in.input_ids", integers: [1, 999_999], shape: [1, 2]) }
      #expect(foreign.code == 65 && foreign.errors.contains("token id 999999"))
      let unlabelled = try forward({ $0.add("in.input_ids", integers: [1, 2], shape: [1, 2]) }, ["--gradients"])
      #expect(unlabelled.code == 65 && unlabelled.errors.contains("in.labels"))
      #expect(!FileManager.default.fileExists(atPath: output.path))
      let good = try forward { $0.add("in.input_ids", integers: [1, 2], shape: [1, 2]) }
      #expect(good.code == 0, "\(good.errors)")
      let absent = try CommandTests.run(["forward", "--model", "/nonexistent", "--input", "x", "--out", output.path])
      #expect(absent.code == 74)
    }
  }
}
