import ArgumentParser
import Distillation
import Foundation
import Tensors

struct LossCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loss", abstract: "Evaluates a loss case: values and gradients under the case's own output names.",
    discussion: "Where a case offers several ways of counting, the training's are written: .perseq and .offdiag.")

  enum Precision: String, ExpressibleByArgument, CaseIterable { case f32, f64 }

  @Argument(help: "Case with in.* tensors (safetensors).") var input: String
  @Option(name: .customLong("out"), help: "File for the out.* tensors.") var output: String
  @Option(help: "f32 as in training, or f64.") var precision = Precision.f32

  func run() throws {
    ProductLibrary.setThreads(1)
    let lossCase = try LossCase(contentsOf: URL(fileURLWithPath: input))
    let target = URL(fileURLWithPath: output)
    let lines: [String]
    switch precision {
    case .f32: lines = try write(try lossCase.evaluate(as: Float.self), to: target)
    case .f64: lines = try write(try lossCase.evaluate(as: Double.self), to: target)
    }
    lines.forEach { print($0) }
  }

  /// Writes the results; returns the scalars among them, a line each.
  private func write<Element: Scalar>(_ result: LossCaseResult<Element>, to url: URL) throws -> [String] {
    try result.write(to: url, metadata: ["precision": precision.rawValue])
    return result.tensors.filter { $0.tensor.count == 1 }.map { "\($0.name)  \($0.tensor[0])" }
  }
}
