import Autograd
import Tensors

/// Counts over the global batch by which the losses are normalised: the same on every rank.
public struct GlobalCounts: Sendable, Equatable {
  /// Sequences of the global batch.
  public var sequences: Int
  /// The student's answer tokens.
  public var answerTokens: Int
  /// Sum over samples of the answer tokens of the side that has fewer.
  public var sharedAnswerTokens: Int
  /// Equal parts of the global batch.
  public var shards: Int

  public init(sequences: Int, answerTokens: Int, sharedAnswerTokens: Int = 0, shards: Int = 1) {
    self.sequences = sequences
    self.answerTokens = answerTokens
    self.sharedAnswerTokens = sharedAnswerTokens
    self.shards = shards
  }
}

/// What a method looks at beside the last hidden states and the visual tokens, which every forward pass gives.
public struct ObservedStates: OptionSet, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Logits of the rows that predict answer tokens.
  public static let answers = ObservedStates(rawValue: 1)
  /// Embeddings, every layer's hidden states and its attention scores.
  public static let layers = ObservedStates(rawValue: 2)
}

/// Logits of the rows that predict a shard's answer tokens, sample after sample.
public struct AnswerLogits<Element: Scalar> {
  /// [answers.total, vocabulary]
  public var logits: Variable<Element>
  /// Rows of each sample; none where the answer is not used.
  public var answers: Segments

  public init(logits: Variable<Element>, answers: Segments) {
    self.logits = logits
    self.answers = answers
  }
}

/// What goes on inside a decoder, over a shard's sequences laid end to end.
public struct LayerStates<Element: Scalar> {
  /// [rows of all sequences, width]: what enters the first layer, visual tokens in place.
  public var embeddings: Variable<Element>
  /// Per layer [rows of all sequences, width]: what leaves it, before any final norm.
  public var hidden: [Variable<Element>]
  /// Per layer the sequences' [L, L] maps one after another: attention scores before the softmax, mean over heads.
  public var scores: [Variable<Element>]

  public init(embeddings: Variable<Element>, hidden: [Variable<Element>], scores: [Variable<Element>]) {
    self.embeddings = embeddings
    self.hidden = hidden
    self.scores = scores
  }
}

/// The shapes of student and teacher that a method's own parameters depend on.
public struct ModelPair: Sendable, Equatable {
  public var widths: ObjectiveWidths
  /// Ms and Mt: layers of the decoders.
  public var studentLayers: Int
  public var teacherLayers: Int

  public init(widths: ObjectiveWidths, studentLayers: Int, teacherLayers: Int) {
    self.widths = widths
    self.studentLayers = studentLayers
    self.teacherLayers = teacherLayers
  }
}

/// A way to learn from a teacher beside cross-entropy: what it looks at and the terms it adds to the tape.
///
/// Its trainable parameters, where it has any, lie behind the student's in the same arena under "objective.".
public protocol DistillationMethod<Element>: AnyObject {
  associatedtype Element: Scalar

  /// Factors of all terms at the start, cross-entropy's among them.
  var factors: LossFactors { get }
  /// Every part that `apply` gives a value for, in order: its terms, and its diagnostics.
  var partNames: [String] { get }
  /// What of the two forward passes it looks at.
  var needs: ObservedStates { get }

  /// Adds the method's terms of one shard to the tape, their gradients multiplied by `factors`; a term without a factor
  /// is left out.
  ///
  /// Sequence b of the student goes with sequence b of the teacher. The teacher's tensors are read only.
  /// - Returns: the shard's share of each term's mean over the global batch, not multiplied.
  /// - Throws: `UserError` when the two sides do not fit.
  func apply(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>, counts: GlobalCounts,
    factors: LossFactors, tape: Tape<Element>
  ) throws -> LossParts
}

extension DistillationMethod {
  /// The method's terms, where it has no diagnostics.
  public var partNames: [String] { factors.terms.filter { $0 != .crossEntropy }.map(\.rawValue) }
}

/// The methods by their names in `objective.method`.
public enum DistillationMethods<Element: Scalar> {
  /// What the configured method looks at beside last hidden states and visual tokens.
  public static func needs(_ configuration: ObjectiveConfiguration) -> ObservedStates {
    switch configuration.chosen {
    case .kl, .uld: .answers
    case .tinybert: .layers
    case .evl, .rkd, .ce, nil: []
    }
  }

  /// The teacher's layers, counted from 1 and ascending, that the configured method learns from.
  public static func teacherLayers(_ configuration: ObjectiveConfiguration, student: Int, teacher: Int) -> [Int] {
    guard needs(configuration).contains(.layers) else { return [] }
    return Set(TinyBERT<Element>.teacherLayers(student: student, teacher: teacher)).sorted()
  }

  /// Declares the method's own parameters behind the student's.
  /// - Throws: `UserError` listing every problem of the configuration.
  public static func declare(
    _ configuration: ObjectiveConfiguration, pair: ModelPair, into layout: inout ParameterLayout
  ) throws {
    switch configuration.chosen {
    case .evl: try DistillationObjective<Element>.declare(configuration, widths: pair.widths, into: &layout)
    case .tinybert: try TinyBERT<Element>.declare(configuration, pair: pair, into: &layout)
    case .ce, .kl, .uld, .rkd, nil: try configuration.validate()
    }
  }

  /// The configured method; nil for cross-entropy alone.
  /// - Precondition: the arena's layout was declared with the same configuration and pair.
  public static func make(
    _ configuration: ObjectiveConfiguration, pair: ModelPair, arena: ParameterArena<Element>
  ) -> (any DistillationMethod<Element>)? {
    switch configuration.chosen {
    case .evl: DistillationObjective(configuration: configuration, widths: pair.widths, arena: arena)
    case .kl: VanillaKL(configuration)
    case .tinybert: TinyBERT(configuration, pair: pair, arena: arena)
    case .uld: UniversalLogitDistillation(configuration)
    case .rkd: RelationalDistillation(configuration)
    case .ce, nil: nil
    }
  }
}
