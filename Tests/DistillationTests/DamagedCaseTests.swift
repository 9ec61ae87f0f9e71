import Foundation
import TestSupport
import Tensors
import Testing

@testable import Distillation

/// Cases that cannot be evaluated end in an error that names file and tensor, never in a trap.
@Suite struct DamagedCaseTests {
  private func message(_ metadata: [String: String], _ build: (inout SafetensorsWriter) -> Void) throws -> String {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("case.safetensors")
      var writer = SafetensorsWriter(metadata: metadata)
      build(&writer)
      try writer.write(to: url)
      do {
        _ = try LossCase(contentsOf: url).evaluate(as: Double.self)
        return "no error"
      } catch let error as UserError {
        #expect(error.message.contains("case.safetensors"))
        return error.message
      }
    }
  }

  @Test func unknownKindsMissingTensorsAndWrongShapesAreNamed() throws {
    let tokens = Tensor<Float>(zeros: [2, 3, 4])
    #expect(try message(["kind": "odd"]) { _ in }.contains("'odd'"))
    #expect(try message(["kind": "rel"]) { $0.add("in.Hhat", tokens) }.contains("in.H_s"))
    let shape = try message(["kind": "rel"]) {
      $0.add("in.Hhat", tokens)
      $0.add("in.H_s", Tensor<Float>(zeros: [2, 3, 5]))
    }
    #expect(shape.contains("in.H_s has shape [2, 3, 5]"))
    #expect(try message(["kind": "ot"]) { $0.add("in.t", tokens) }.contains("eps"))
    let mask = try message(["kind": "ot", "eps": "0.5"]) {
      $0.add("in.t", tokens)
      $0.add("in.s", tokens)
      $0.add("in.t_mask", bytes: [1, 0, 0, 0, 0, 0], shape: [2, 3])
    }
    #expect(mask.contains("in.t_mask leaves sequence 1"))
    let label = try message(["kind": "ce"]) {
      $0.add("in.logits", tokens)
      $0.add("in.labels", integers: [0, 4, -100, 0, 0, 0], shape: [2, 3])
    }
    #expect(label.contains("in.labels holds 4"))
  }

  @Test(.enabled(if: SharedFiles.has("cases/losses")))
  func truncatedAndFlippedFilesThrow() throws {
    var random = CounterRandom(seed: 8, purpose: "damage")
    for name in ["mhca_1head", "rel_tiny", "ot_tiny_eps0.1", "ce_tiny", "total_tiny"] {
      let data = try Data(contentsOf: SharedFiles.url("cases/losses/\(name).safetensors"))
      try withTemporaryFolder { folder in
        for _ in 0..<40 {
          let url = folder.appendingPathComponent("case.safetensors")
          var damaged = data
          if random.integer(below: 3) == 0 {
            damaged = data.prefix(random.integer(below: data.count))
          } else {
            for _ in 0..<3 { damaged[random.integer(below: min(data.count, 3000))] = UInt8(random.integer(below: 256)) }
          }
          try damaged.write(to: url)
          do {
            _ = try LossCase(contentsOf: url).evaluate(as: Float.self)
          } catch is UserError {
            continue
          }
        }
      }
    }
  }
}
