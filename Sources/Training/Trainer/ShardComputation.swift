import Autograd
import Corpus
import Distillation
import Models
import Tensors

/// The samples of a shard with the teacher's states of them, which one step may look at several times.
public struct PreparedShard {
  let samples: [any TrainingSample]
  /// Absent without a teacher.
  let teacher: DistillationStates<Float>?
}

/// Forward and backward of one shard: the unit of arithmetic, with the same matrix shapes wherever it runs.
public final class ShardComputation {
  private let student: any VisionLanguageModel<Float>
  private let teacher: (any TeacherStates)?
  private let method: (any DistillationMethod<Float>)?
  private let pool = BufferPool<Float>()
  private let meter = ProductMeter()
  private let precision: Precision
  private let recomputesBlocks: Bool
  /// Called before each block of either model, for work that must go on meanwhile: the fold of what others have published.
  public var interlude: (() -> Void)?

  /// - Parameters:
  ///   - teacher: frozen; absent when no term needs one, or a store stands for it.
  ///   - store: of a teacher that ran before.
  ///   - method: the distillation terms; absent for cross-entropy alone.
  ///   - precision: of the products of both models and the terms.
  ///   - recomputesBlocks: whether the student's blocks keep their inputs alone.
  public init(
    student: any VisionLanguageModel<Float>, teacher: (any VisionLanguageModel<Float>)?,
    store: StoredTeacher? = nil, method: (any DistillationMethod<Float>)?, precision: Precision = .f32,
    recomputesBlocks: Bool = false
  ) {
    self.student = student
    self.method = method
    self.precision = precision
    self.recomputesBlocks = recomputesBlocks
    self.teacher = method.flatMap { method -> (any TeacherStates)? in
      if let store {
        return StoredTeacherStates(teacher: store, needs: method.needs, precision: precision, pool: BufferPool())
      }
      return teacher.map {
        LiveTeacherStates(teacher: $0, needs: method.needs, precision: precision, pool: BufferPool())
      }
    }
  }

  /// Factors of all terms at the start.
  public var factors: LossFactors { method?.factors ?? LossFactors([.crossEntropy: 1]) }

  /// The parts that `run` gives, in order: cross-entropy where it is on, then the method's.
  public var partNames: [String] {
    factors.only(.crossEntropy).terms.map(\.rawValue) + (method?.partNames ?? [])
  }

  /// Floating-point operations of the student's and the losses' matrix products so far.
  var operations: Double { meter.operations }

  /// Bytes held by the buffers of both models.
  var bytesHeld: Int { pool.bytesHeld + (teacher?.pool.bytesHeld ?? 0) }

  /// Refuses a sample that does not fit the models: ids outside the vocabulary, or other numbers of image tokens than
  /// its images have visual tokens.
  /// - Throws: `UserError` naming the sample and the side.
  func check(_ sample: any TrainingSample) throws {
    let sides: [(name: String, model: (any VisionLanguageModel<Float>)?, input: PreparedInput?)] = [
      ("student", student, sample.student), ("teacher", teacher?.model, sample.teacher),
    ]
    for (side, model, input) in sides {
      guard let model, let input else { continue }
      let pixels = Tensor<Float>(uninitialised: Self.pixelShape([input]))
      do { try model.check(Self.batch([input], pixels: pixels)) } catch let error as UserError {
        throw UserError(error.kind, "\(sample.name), as the \(side) sees it: \(error.message)", remedy: error.remedy)
      }
    }
  }

  /// Runs the teacher over the samples, or reads what it gave for them.
  public func prepare(_ samples: [any TrainingSample]) throws -> PreparedShard {
    PreparedShard(samples: samples, teacher: try teacher?.states(samples, interlude: interlude))
  }

  /// Runs the student forward and backward; the gradient is handed out piece by piece.
  ///
  /// - Parameters:
  ///   - counts: what the losses are divided by.
  ///   - factors: of the terms; one without a factor is left out.
  ///   - sink: takes the gradient's pieces, last first.
  /// - Returns: the shard's share of each loss part of the global batch.
  public func run(
    _ shard: PreparedShard, counts: GlobalCounts, factors: LossFactors, into sink: any GradientSink<Float>
  ) throws -> LossParts {
    try run(shard, counts: counts, factors: factors, recorder: nil, into: sink)
  }

  /// - Parameter recorder: keeps the tensors of the shard for `--dump-case`.
  func run(
    _ shard: PreparedShard, counts: GlobalCounts, factors: LossFactors, recorder: CaseRecorder?,
    into sink: any GradientSink<Float>
  ) throws -> LossParts {
    student.arena.beginBackward(into: sink)
    let tape = Tape(
      pool: pool, precision: precision, recomputesBlocks: recomputesBlocks, meter: meter, interlude: interlude)
    let inputs = shard.samples.map(\.student)
    let distils = factors.terms.contains { $0 != .crossEntropy }
    let needs = distils ? method?.needs ?? [] : []
    let observer = needs.contains(.layers) ? LayerObserver() : nil
    let batch = Self.batch(inputs, pool: pool)
    let output = student.forward(batch, tape: tape, cache: nil, observe: observer.map { $0.observe })
    let answers = AnswerRows(inputs)
    let isAnswering = !answers.rows.isEmpty && (factors[.crossEntropy] > 0 || needs.contains(.answers))
    let logits = isAnswering ? student.logits(tape.gatherRows(output.hidden, answers.rows), tape: tape) : nil
    if let recorder { keep(inputs, output.hidden.value, in: recorder) }
    var parts = LossParts()
    if distils, let method, let target = shard.teacher {
      var states = DistillationStates(
        hidden: recorder?.watch(output.hidden, as: "H_s", tape: tape) ?? output.hidden, sequences: batch.sequences,
        visual: recorder?.watch(output.visual, as: "s_vis", tape: tape) ?? output.visual,
        visualTokens: batch.visualTokens(marked: student.imageToken))
      states.answers = logits.map { AnswerLogits(logits: $0, answers: answers.segments) }
      states.layers = observer?.states(of: student, sequences: batch.sequences, tape: tape)
      recorder?.keep(student: states, teacher: target)
      parts = try method.apply(student: states, teacher: target, counts: counts, factors: factors, tape: tape)
    }
    // Last, because it turns the logits into their gradient.
    if let logits, factors[.crossEntropy] > 0 {
      parts[.crossEntropy] = try tape.crossEntropy(
        logits, labels: answers.labels, normaliser: counts.answerTokens, weight: factors[.crossEntropy])
    }
    student.arena.settleUses()
    tape.backward()
    student.arena.endBackward()
    return parts
  }

  /// Keeps the logits of all rows, not of the answers alone, as loss cases have them.
  private func keep(_ inputs: [PreparedInput], _ hidden: Tensor<Float>, in recorder: CaseRecorder) {
    let frozen = Tape(pool: pool, recording: false, precision: precision)
    recorder.keep(
      logits: student.logits(frozen.constant(hidden), tape: frozen).value, labels: inputs.map(\.conversation.labels))
  }

  /// Samples laid end to end as one input of a model, whatever the number of images and tiles of each.
  static func batch(_ inputs: [PreparedInput], pool: BufferPool<Float>) -> ModelInput<Float> {
    let pixels = pool.tensor(pixelShape(inputs))
    var first = 0
    for input in inputs where input.tiles > 0 {
      pixels.slice(first..<first + input.tiles).copy(from: input.pixels)
      first += input.tiles
    }
    return batch(inputs, pixels: pixels)
  }

  /// [tiles of all samples, 3, height, width]
  private static func pixelShape(_ inputs: [PreparedInput]) -> [Int] {
    let tile = inputs.lazy.compactMap(\.images.first?.tile).first
    return [inputs.reduce(0) { $0 + $1.tiles }, 3, tile?.height ?? 0, tile?.width ?? 0]
  }

  private static func batch(_ inputs: [PreparedInput], pixels: Tensor<Float>) -> ModelInput<Float> {
    ModelInput(
      pixels: pixels,
      imageSizes: inputs.flatMap(\.images).map {
        ImageSize(height: $0.original.height, width: $0.original.width)
      },
      ids: inputs.flatMap { $0.conversation.ids.map(Int.init) },
      sequences: Segments(lengths: inputs.map(\.conversation.ids.count)),
      branches: inputs.contains { !$0.conversation.branches.isEmpty } ? inputs.map(\.conversation.branches) : nil)
  }
}

extension ModelInput {
  /// Visual tokens of each sequence: those of all its images and tiles, which are one cloud to the objective.
  func visualTokens(marked token: Int) -> Segments {
    Segments(lengths: (0..<sequences.count).map { sequence in ids[sequences[sequence]].count { $0 == token } })
  }
}
