import Autograd
import Corpus
import Distillation
import Models
import Tensors

/// A teacher that ran before: its store, and its output head where the store has one.
public final class StoredTeacher {
  public let store: TeacherStore
  /// [vocabulary, Dt]; kept alive by its arena.
  let head: Parameter<Float>?
  private let arena: ParameterArena<Float>?

  /// - Throws: `UserError` for a head of another shape than the index says, or of numbers that are not finite.
  public init(_ store: TeacherStore) throws {
    self.store = store
    let file = try store.head()
    arena = try file.map { file in
      var layout = ParameterLayout()
      layout.add("head", try file.entry("head").shape, .constant(0))
      return try ParameterArena(frozen: layout) {
        try KeptWeights(mapping: $0.name, of: file) ?? .exact(file.tensor($0.name))
      }
    }
    head = arena.map { $0["head"] }
    if let file, head?.kept.isFinite == false { throw store.notFinite("head", in: file) }
  }

  public var shape: TeacherShape { TeacherShape(store.index.teacher) }

  private static let identityPrefix = "store "

  /// Tells this store's states from any other's.
  public func identity() throws -> String { try Self.identity(of: store.index) }

  /// What checkpoints keep of a store with this index.
  public static func identity(of index: TeacherStoreIndex) throws -> String { try identityPrefix + index.digest() }

  /// Whether what a checkpoint keeps of its teacher is a store's identity, not the digest of a model's weights.
  public static func isIdentity(_ text: String) -> Bool { text.hasPrefix(identityPrefix) }
}

/// Reads the states of a shard's samples from a store; logits are recomputed from the hidden states, sample by sample as
/// the live teacher does, so that the states of an F32 store are the live ones bit for bit.
///
/// A sample whose answer is not used takes the rows before its answer, which causal attention left untouched by it, and the
/// visual tokens of the images shown until then.
struct StoredTeacherStates: TeacherStates {
  let teacher: StoredTeacher
  var model: (any VisionLanguageModel<Float>)? { nil }
  let needs: ObservedStates
  let precision: Precision
  let pool: BufferPool<Float>

  func states(_ samples: [any TrainingSample], interlude: (() -> Void)?) throws -> DistillationStates<Float> {
    Self.joined(try samples.map { try part(try Self.input($0)) }, pool: pool)
  }

  /// One sample's states.
  private func part(_ input: PreparedInput) throws -> DistillationStates<Float> {
    guard let sample = input.stored else {
      throw UserError(.internalFault, "a sample was prepared without its place in the teacher store")
    }
    let (store, index) = (teacher.store, teacher.store.index)
    let length = input.conversation.ids.count
    func read(_ kind: String, columns: Int) throws -> Variable<Float> {
      let tensor = pool.tensor([length, columns])
      try store.read(kind, of: sample, into: tensor)
      return Variable(tensor, needsGradient: false)
    }
    let rows = try input.visualTokens ?? store.visualTokens(of: sample)
    let visual = pool.tensor([rows, index.teacher.visualWidth])
    try store.readVisual(of: sample, into: visual)
    let hidden = try read("hidden.last", columns: index.teacher.hiddenWidth)
    var states = DistillationStates(
      hidden: hidden, sequences: Segments(lengths: [length]), visual: Variable(visual, needsGradient: false),
      visualTokens: Segments(lengths: [visual.rows]))
    let answers = AnswerRows([input])
    if needs.contains(.answers), let head = teacher.head, !answers.rows.isEmpty {
      let tape = Tape(pool: pool, recording: false, precision: precision)
      states.answers = AnswerLogits(
        logits: tape.linear(tape.gatherRows(hidden, answers.rows), head), answers: answers.segments)
    }
    if needs.contains(.layers) {
      // A layer that is not stored stays empty; the start refused methods that look at one.
      let absent = Variable(Tensor<Float>(zeros: [0, 1]), needsGradient: false)
      states.layers = LayerStates(
        embeddings: try read("embedding", columns: index.teacher.hiddenWidth),
        hidden: try (1...index.teacher.layers).map {
          index.layers.contains($0) ? try read("hidden.\($0)", columns: index.teacher.hiddenWidth) : absent
        },
        scores: try (1...index.teacher.layers).map {
          index.layers.contains($0)
            ? Variable(
              try read("attention.\($0)", columns: length).value.reshaped([length * length, 1]), needsGradient: false)
            : absent
        })
    }
    return states
  }
}
