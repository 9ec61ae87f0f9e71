import Cardiology
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// Reads single recordings with a trained model.
public struct Interpreter {
  private let blueprint: ModelBlueprint
  private let evaluator: SuperclassEvaluator

  /// - Parameter model: a Hugging Face folder this program wrote, or of the Idefics3 family.
  public init(model folder: URL) throws {
    blueprint = try ModelBlueprint(folder: folder)
    evaluator = SuperclassEvaluator(model: try blueprint.frozen(), side: blueprint.side, answerTokens: 48)
  }

  /// What a model says of one recording.
  public struct Interpretation: Codable, Sendable {
    public var record: String
    public var question: String
    public var answer: String
    /// p(yes) per superclass; nil for a question of the user's own.
    public var probabilities: [String: Double]?

    public func json() throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    public func text() -> String {
      var lines = ["\(record): \(question)", "  \(answer.isEmpty ? "(no answer)" : answer)"]
      if let probabilities {
        var table = TextTable()
        table.heading("Superclass", "p(yes)", "")
        for superclass in Superclass.allCases {
          let value = probabilities[superclass.rawValue] ?? .nan
          table.row([
            "\(superclass.rawValue)", String(format: "%.3f", value),
            String(repeating: "▇", count: Int((value.isFinite ? value : 0) * 20)),
          ])
        }
        lines += ["", table.render()]
      }
      return (lines + ["A research tool; not a diagnosis."]).joined(separator: "\n")
    }
  }

  /// - Parameters:
  ///   - question: nil for the report and the superclasses.
  ///   - tokens: largest number of tokens generated.
  public func interpret(_ source: RecordSource, question: String?, tokens: Int) throws -> Interpretation {
    let recording = try source.record().conditioned()
    let pixels = try blueprint.side.view.pixelValues(of: recording)
    let asked = question ?? Question.Kind.report.text
    let answer = try evaluator.text(asking: asked, pixels, tokens: tokens)
    var probabilities: [String: Double]?
    if question == nil {
      let values = try evaluator.probabilities(pixels)
      probabilities = Dictionary(uniqueKeysWithValues: zip(Superclass.allCases.map(\.rawValue), values))
    }
    return Interpretation(record: recording.name, question: asked, answer: answer, probabilities: probabilities)
  }
}
