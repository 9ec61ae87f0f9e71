import ArgumentParser
import Foundation
import Models
import Tensors

struct ForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward", abstract: "Puts a batch through a model folder: states, logits, loss and gradients.",
    discussion: """
      Reads in.input_ids, in.attention_mask, in.labels, in.pixel_values, in.pixel_attention_mask (Idefics3) and \
      in.image_sizes (LLaVA-NeXT) as the model's processor in transformers makes them. Writes out.logits, \
      out.text.hidden_states.N, out.text.layer.N, out.vision.*, out.connector, with labels out.loss, and with \
      --gradients grad.NAME for every tensor of the model's files, all in the shapes of transformers.
      Padding on the left is not computed: its rows are 0, and no label is counted that they would have to predict. \
      Padding on the right is computed as transformers does it. \
      Idefics3 images that are 0 everywhere are padding; they have no rows.
      Exit codes: 65 a batch or a model that is damaged, incomplete or does not fit; 74 a path that cannot be read or \
      written.
      """)

  enum Precision: String, ExpressibleByArgument, CaseIterable { case f32, f64 }

  @Option(help: "Model folder (Hugging Face, or of the original LLaVA).") var model: String
  @Option(help: "Batch with in.* tensors (safetensors).") var input: String
  @Option(name: .customLong("out"), help: "File for the out.* and grad.* tensors.") var output: String
  @Flag(help: "Also the gradient of the loss by every weight.") var gradients = false
  @Option(help: "f32 as in training, or f64.") var precision = Precision.f32

  func run() throws {
    ProductLibrary.setThreads(1)
    let folder = try ModelFolder(URL(fileURLWithPath: model))
    switch precision {
    case .f32: try run(folder, as: Float.self)
    case .f64: try run(folder, as: Double.self)
    }
  }

  private func run<Element: Scalar>(_ folder: ModelFolder, as type: Element.Type) throws {
    let result = try explained {
      try ForwardCase<Element>(contentsOf: URL(fileURLWithPath: input)).evaluate(folder, gradients: gradients)
    }
    try result.write(to: URL(fileURLWithPath: output), metadata: ["precision": precision.rawValue])
    print("\(output): \(result.tensors.count) tensors")
    if let loss = result.loss { print("loss  \(loss)") }
  }

  /// Where a batch that does not fit the model is described.
  private func explained<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as UserError where error.remedy.isEmpty {
      throw UserError(
        error.kind, error.message, remedy: "write the batch anew; docs/models.md lists its tensors and their shapes")
    }
  }
}
