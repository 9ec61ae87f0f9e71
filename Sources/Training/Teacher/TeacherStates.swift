import Autograd
import Corpus
import Distillation
import Models
import Tensors

/// Where the teacher's side of the losses comes from: a model that runs, or a store that one wrote.
protocol TeacherStates {
  var pool: BufferPool<Float> { get }
  /// The model, where one runs.
  var model: (any VisionLanguageModel<Float>)? { get }

  /// The states of a shard's samples laid end to end.
  ///
  /// - Parameter interlude: called now and then, for work that must go on meanwhile.
  /// - Throws: `UserError` where a sample was prepared without the teacher's input.
  func states(_ samples: [any TrainingSample], interlude: (() -> Void)?) throws -> DistillationStates<Float>
}

/// Runs the frozen teacher, one sample at a time and unpadded, so that its states never depend on the batch.
struct LiveTeacherStates: TeacherStates {
  let teacher: any VisionLanguageModel<Float>
  var model: (any VisionLanguageModel<Float>)? { teacher }
  /// What the method looks at.
  let needs: ObservedStates
  let precision: Precision
  let pool: BufferPool<Float>

  func states(_ samples: [any TrainingSample], interlude: (() -> Void)?) throws -> DistillationStates<Float> {
    Self.joined(try samples.map { part(try Self.input($0), interlude: interlude) }, pool: pool)
  }

  /// One sample's states.
  func part(_ input: PreparedInput, interlude: (() -> Void)? = nil) -> DistillationStates<Float> {
    let tape = Tape(pool: pool, recording: false, precision: precision, interlude: interlude)
    let observer = needs.contains(.layers) ? LayerObserver() : nil
    let batch = ShardComputation.batch([input], pool: pool)
    let output = teacher.forward(batch, tape: tape, cache: nil, observe: observer.map { $0.observe })
    var states = DistillationStates(
      hidden: output.hidden, sequences: batch.sequences, visual: output.visual, visualTokens: output.visualTokens)
    let answers = AnswerRows([input])
    if needs.contains(.answers), !answers.rows.isEmpty {
      states.answers = AnswerLogits(
        logits: teacher.logits(tape.gatherRows(output.hidden, answers.rows), tape: tape), answers: answers.segments)
    }
    states.layers = observer?.states(of: teacher, sequences: batch.sequences, tape: tape)
    return states
  }
}

extension TeacherStates {
  static func input(_ sample: any TrainingSample) throws -> PreparedInput {
    guard let input = sample.teacher else {
      throw UserError(.internalFault, "sample \(sample.name) was prepared without the teacher's input")
    }
    return input
  }

  /// The states of single samples laid end to end.
  static func joined(_ parts: [DistillationStates<Float>], pool: BufferPool<Float>) -> DistillationStates<Float> {
    func joined(_ values: [Variable<Float>]) -> Variable<Float> {
      Variable(Self.joined(values.map(\.value), pool: pool), needsGradient: false)
    }
    var states = DistillationStates(
      hidden: joined(parts.map(\.hidden)), sequences: Segments(lengths: parts.map { $0.sequences.total }),
      visual: joined(parts.map(\.visual)), visualTokens: Segments(lengths: parts.map { $0.visualTokens.total }))
    let answers = parts.compactMap(\.answers)
    if !answers.isEmpty {
      states.answers = AnswerLogits(
        logits: joined(answers.map(\.logits)),
        answers: Segments(lengths: parts.map { $0.answers?.answers.total ?? 0 }))
    }
    let layers = parts.compactMap(\.layers)
    if let first = layers.first {
      states.layers = LayerStates(
        embeddings: joined(layers.map(\.embeddings)),
        hidden: first.hidden.indices.map { layer in joined(layers.map { $0.hidden[layer] }) },
        scores: first.scores.indices.map { layer in joined(layers.map { $0.scores[layer] }) })
    }
    return states
  }

  /// Rows of several matrices below each other.
  private static func joined(_ parts: [Tensor<Float>], pool: BufferPool<Float>) -> Tensor<Float> {
    let columns = parts.first?.columns ?? 0
    let result = pool.tensor([parts.map(\.rows).reduce(0, +), columns])
    var row = 0
    for part in parts {
      result.slice(row..<row + part.rows).copy(from: part)
      row += part.rows
    }
    return result
  }
}
