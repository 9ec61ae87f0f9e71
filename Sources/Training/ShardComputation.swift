import Autograd
import Corpus
import Distillation
import Models
import Tensors

/// Counts over the global batch by which the losses are normalised: the same on every rank.
public struct GlobalCounts: Sendable, Equatable {
  /// Sequences of the global batch.
  public var sequences: Int
  /// Answer tokens of the global batch.
  public var answerTokens: Int

  public init(sequences: Int, answerTokens: Int) {
    self.sequences = sequences
    self.answerTokens = answerTokens
  }
}

/// Forward and backward of one shard: the unit of arithmetic, with the same matrix shapes wherever it runs.
public final class ShardComputation {
  private let student: any VisionLanguageModel<Float>
  private let teacher: (any VisionLanguageModel<Float>)?
  private let objective: DistillationObjective<Float>?
  private let crossEntropyWeight: Double
  private let pool = BufferPool<Float>()
  private let teacherPool = BufferPool<Float>()

  /// - Parameters:
  ///   - teacher: frozen; absent when no term needs one.
  ///   - objective: the distillation terms; absent for cross-entropy alone.
  public init(
    student: any VisionLanguageModel<Float>, teacher: (any VisionLanguageModel<Float>)?,
    objective: DistillationObjective<Float>?, crossEntropyWeight: Double
  ) {
    self.student = student
    self.teacher = teacher
    self.objective = objective
    self.crossEntropyWeight = crossEntropyWeight
  }

  /// Bytes held by the buffers of both models.
  var bytesHeld: Int { pool.bytesHeld + teacherPool.bytesHeld }

  /// Runs forward and backward; the gradient lies in the student's arena, overwritten, and its buckets were handed out.
  ///
  /// - Parameters:
  ///   - counts: what the losses are divided by.
  ///   - onBucket: told of each finished bucket of the gradient, last first.
  /// - Returns: the shard's share of each loss part of the global batch.
  public func run(
    _ samples: [PreparedSample], counts: GlobalCounts, onBucket: @escaping (Int) -> Void
  ) throws -> LossParts {
    try run(samples, counts: counts, recorder: nil, onBucket: onBucket)
  }

  /// - Parameter recorder: keeps the tensors of the shard for `--dump-case`.
  func run(
    _ samples: [PreparedSample], counts: GlobalCounts, recorder: CaseRecorder?, onBucket: @escaping (Int) -> Void
  ) throws -> LossParts {
    student.arena.beginBackward(onBucket: onBucket)
    let tape = Tape(pool: pool)
    let inputs = samples.map(\.student)
    let output = student.forward(Self.batch(inputs, of: student, pool: pool), tape: tape)
    let crossEntropy = try crossEntropy(inputs, output.hidden, counts: counts, tape: tape, recorder: recorder)
    var parts = LossParts()
    if let objective, let teacher {
      let target = try teacherStates(samples, teacher)
      let states = DistillationStates(
        hidden: recorder?.watch(output.hidden, as: "H_s", tape: tape) ?? output.hidden,
        sequences: Segments(lengths: inputs.map(\.conversation.ids.count)),
        visual: recorder?.watch(output.visual, as: "s_vis", tape: tape) ?? output.visual,
        visualTokens: output.visualTokens)
      recorder?.keep(student: states, teacher: target)
      parts = try objective.apply(
        student: states, teacher: target, globalSequences: counts.sequences, tape: tape)
    }
    parts.crossEntropy = crossEntropy
    tape.backward()
    student.arena.endBackward()
    return parts
  }

  /// Mean over the answer tokens of the global batch, this shard's share; position t predicts label t + 1.
  private func crossEntropy(
    _ inputs: [PreparedInput], _ hidden: Variable<Float>, counts: GlobalCounts, tape: Tape<Float>,
    recorder: CaseRecorder?
  ) throws -> Double {
    var rows: [Int] = []
    var labels: [Int] = []
    var start = 0
    for input in inputs {
      let conversation = input.conversation
      for position in conversation.ids.indices.dropFirst()
      where conversation.labels[position] != TokenizedConversation.ignored {
        rows.append(start + position - 1)
        labels.append(Int(conversation.labels[position]))
      }
      start += conversation.ids.count
    }
    if let recorder {
      let frozen = Tape(pool: pool, recording: false)
      recorder.keep(
        logits: student.logits(frozen.constant(hidden.value), tape: frozen).value,
        labels: inputs.map(\.conversation.labels))
    }
    guard !rows.isEmpty, crossEntropyWeight > 0 else { return 0 }
    let logits = student.logits(tape.gatherRows(hidden, rows), tape: tape)
    return try tape.crossEntropy(
      logits, labels: labels, normaliser: counts.answerTokens, weight: crossEntropyWeight)
  }

  /// The teacher's states, one sample at a time and unpadded, so that they never depend on the batch.
  private func teacherStates(
    _ samples: [PreparedSample], _ teacher: any VisionLanguageModel<Float>
  ) throws -> DistillationStates<Float> {
    var lengths: [Int] = []
    var visualLengths: [Int] = []
    var hidden: [Tensor<Float>] = []
    var visual: [Tensor<Float>] = []
    for sample in samples {
      guard let input = sample.teacher else {
        throw UserError(.internalFault, "sample \(sample.sample.id) was prepared without the teacher's input")
      }
      let output = teacher.forward(
        Self.batch([input], of: teacher, pool: teacherPool), tape: Tape(pool: teacherPool, recording: false))
      hidden.append(output.hidden.value)
      visual.append(output.visual.value)
      lengths.append(input.conversation.ids.count)
      visualLengths.append(output.visualTokens.total)
    }
    return DistillationStates(
      hidden: Self.joined(hidden, pool: teacherPool), sequences: Segments(lengths: lengths),
      visual: Self.joined(visual, pool: teacherPool), visualTokens: Segments(lengths: visualLengths))
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

  /// Samples laid end to end as one input of a model.
  static func batch(
    _ inputs: [PreparedInput], of model: any VisionLanguageModel<Float>, pool: BufferPool<Float>
  ) -> ModelInput<Float> {
    let side = model.imageSize
    let pixels = pool.tensor([inputs.count, 3, side, side])
    for (index, input) in inputs.enumerated() { pixels.slice(index..<index + 1).copy(from: input.pixels) }
    return ModelInput(
      pixels: pixels, ids: inputs.flatMap { $0.conversation.ids.map(Int.init) },
      sequences: Segments(lengths: inputs.map(\.conversation.ids.count)),
      branches: inputs.contains { !$0.conversation.branches.isEmpty } ? inputs.map(\.conversation.branches) : nil)
  }
}
