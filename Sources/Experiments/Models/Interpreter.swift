import Cardiology
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// Reads single recordings, or pictures of them, with a trained model.
public struct Interpreter {
  /// Seconds that reading the model took.
  public let loading: Double
  private let blueprint: ModelBlueprint
  private let model: any VisionLanguageModel<Float>
  private let reader: ImageReader
  /// What a user should know of how the model is asked; nil where nothing is taken for granted.
  public let remark: String?

  /// - Parameters:
  ///   - model: a Hugging Face folder this program wrote, or of a family it reads.
  ///   - chatTemplate: named by the user; empty for the folder's own, or its family's.
  ///   - team: threads that share the work; the product library is to be set to one.
  public init(model folder: URL, chatTemplate: String = "", team: ThreadTeam) throws {
    let clock = ContinuousClock()
    let start = clock.now
    blueprint = try ModelBlueprint(folder: folder, chatTemplate: ChatTemplateRule(named: chatTemplate))
    remark = try blueprint.remark(inConversations: false)
    model = try blueprint.frozen()
    reader = ImageReader(model: model, team: team)
    loading = (clock.now - start) / .seconds(1)
  }

  /// One ECG as the model is given it.
  public struct Subject: Sendable {
    public let name: String
    let image: ReadableImage
  }

  /// What a model says of one ECG.
  public struct Interpretation: Codable, Sendable {
    public var record: String
    public var question: String
    public var answer: String
    /// p(yes) per superclass; nil for a question of the user's own.
    public var probabilities: [String: Double]?
    /// Where they were asked for.
    public var timings: InterpretationTimings?

    public init(
      record: String, question: String, answer: String, probabilities: [String: Double]?,
      timings: InterpretationTimings?
    ) {
      self.record = record
      self.question = question
      self.answer = answer
      self.probabilities = probabilities
      self.timings = timings
    }

    public func json() throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// The ECG of a WFDB record, a PNG or JPEG file, or `synthetic:NUMBER`.
  ///
  /// A header tells a record, a file's first bytes tell a picture, whatever the name.
  /// A picture reaches the model through its own image processor, whatever was drawn on it.
  /// - Throws: `UserError` for a file that is missing or damaged, or a picture for a model that sees signals.
  public func subject(_ name: String) throws -> Subject {
    let file = URL(fileURLWithPath: name)
    guard Self.isPicture(file) else {
      let record = try RecordSource(name).record().conditioned()
      return Subject(name: record.name, image: try ReadableImage(record, for: blueprint.side))
    }
    return Subject(
      name: file.deletingPathExtension().lastPathComponent,
      image: try blueprint.readable(ImageFile.read(file), name: name))
  }

  /// Whether a name means a picture; one that is missing or damaged is told by its ending, for the error.
  private static func isPicture(_ file: URL) -> Bool {
    if case .record = ShownFile(file) { return false }
    return ImageFile.kind(of: file) != nil || ["png", "jpg", "jpeg"].contains(file.pathExtension.lowercased())
  }

  /// The greedy answer to a question.
  ///
  /// - Parameters:
  ///   - tokens: the most that are generated.
  ///   - onText: called with each part of the answer as it becomes certain.
  public func answer(
    _ question: String, about subject: Subject, tokens: Int, onText: (String) -> Void
  ) throws -> (text: String, pace: GenerationPace) {
    var pace = GenerationPace(weightBytes: model.weightBytesPerToken)
    let text = try reader.text(
      asking: question, subject.image, tokens: tokens, onToken: { pace.count() }, onText: onText)
    return (text, pace)
  }

  /// p(yes) of each superclass by name.
  /// - Throws: `UserError` (bad input) where one is no number.
  public func probabilities(of subject: Subject) throws -> [String: Double] {
    let space = LabelSpace.ptbXLSuper
    let values = try reader.probabilities(subject.image, of: space.questions)
    for (label, value) in zip(space.classes, values) where !value.isFinite {
      throw UserError(
        .badInput, "\(subject.name): the model's probability of \(label) is \(value)",
        remedy: "its numbers have run over; look at its weights")
    }
    return Dictionary(uniqueKeysWithValues: zip(space.classes, values))
  }
}
