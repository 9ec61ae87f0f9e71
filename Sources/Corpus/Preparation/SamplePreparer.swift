import Cardiology
import Tensors

/// How one model sees and is asked about a recording.
public struct ModelSide: Sendable {
  public let view: any ECGView
  public let prompt: any QuestionPrompt

  public init(view: any ECGView, prompt: any QuestionPrompt) {
    self.view = view
    self.prompt = prompt
  }

  /// Every setting that changes what the model is given, in words.
  public var settings: String { [view.settings, prompt.settings].filter { !$0.isEmpty }.joined(separator: ", ") }

  /// The model's input for a conditioned record and a question with its answer.
  public func input(_ record: ECGRecord, _ question: Question) throws -> PreparedInput {
    try input(record, [question], withAnswers: true)
  }

  /// The model's input for a conditioned record and questions that do not see each other, with or without their answers.
  public func input(_ record: ECGRecord, _ questions: [Question], withAnswers: Bool) throws -> PreparedInput {
    let conversations = try questions.map { question in
      let whole = try prompt.conversation(question)
      return withAnswers ? whole : whole.withoutAnswer
    }
    return PreparedInput(
      pixels: try view.pixelValues(of: record), images: [view.geometry],
      conversation: conversations.count == 1
        ? conversations[0] : TokenizedConversation(conversations, common: prompt.commonLength))
  }
}

/// One recording with its question, ready for the models.
public struct PreparedSample: TrainingSample {
  /// Position in the sample order.
  public let position: Int
  public let epoch: Int
  public let sample: ECGSample
  public let question: Question
  /// Whether the answer is used; without it both conversations end before their answers.
  public let isLabelled: Bool
  public let student: PreparedInput
  /// Nil without a teacher.
  public let teacher: PreparedInput?

  public var name: String { sample.id }
}

/// Turns a position of the sample order into a training sample.
///
/// A pure function of seed and position: any rank, thread or resumed run that prepares a position gets the same numbers.
public struct SamplePreparer: SampleSource {
  public let records: RecordCache
  /// The samples trained on, a part of the data set.
  public let samples: [ECGSample]
  public let order: KeyedOrder
  public let augmentation: Augmentation
  /// Looks of a record that epochs take turns through; 0: a new one each epoch.
  public let draws: Int
  public let augmentationSeed: UInt64
  public let questions: QuestionDraw
  public let labelled: LabelledFraction
  /// Whether a record is asked all yes/no and classification questions of the mix at once, beside the one drawn.
  public let asksEveryQuestion: Bool
  public let student: ModelSide
  public let teacher: ModelSide?
  /// Stands for a live teacher. The draws are then its variants: epoch e sees number e mod variants.
  public let store: TeacherStore?

  /// - Parameter augmentationSeed: nil: `seed`.
  /// - Throws: `UserError` of kind badInput where there are no samples, or one of them has no question to be asked.
  public init(
    records: RecordCache, samples: [ECGSample], seed: UInt64, augmentation: Augmentation = Augmentation(),
    draws: Int = 0, augmentationSeed: UInt64? = nil, mix: QuestionDraw.Mix = QuestionDraw.Mix(),
    labelled: LabelledFraction, asksEveryQuestion: Bool = false,
    student: ModelSide, teacher: ModelSide?, store: TeacherStore? = nil
  ) throws {
    let questions = QuestionDraw(seed: seed, mix: mix)
    guard !samples.isEmpty else {
      throw UserError(.badInput, "\(records.dataset.name): no samples to train on", remedy: "check data.path and folds")
    }
    if let mute = samples.first(where: { questions.question(for: $0, epoch: 0) == nil }) {
      throw UserError(
        .badInput, "\(records.dataset.name): sample \(mute.id) has no label or report to ask about",
        remedy: "give labels (a labels.csv with the columns record and superclasses), or leave the record out")
    }
    self.records = records
    self.samples = samples
    order = KeyedOrder(seed: seed, count: samples.count)
    self.augmentation = augmentation
    self.draws = store?.index.variants ?? draws
    self.augmentationSeed = augmentationSeed ?? seed
    self.questions = questions
    self.labelled = labelled
    self.asksEveryQuestion = asksEveryQuestion
    self.student = student
    self.teacher = teacher
    self.store = store
  }

  /// The training sample at a position of the order.
  /// - Throws: `UserError` naming the file or record at fault.
  public func prepare(position: Int) throws -> PreparedSample {
    let epoch = order.epoch(position: position)
    let sample = samples[order.sample(position: position)]
    guard let question = questions.question(for: sample, epoch: epoch) else {
      throw UserError(.badInput, "\(records.dataset.name): sample \(sample.id) has no question", remedy: "leave it out")
    }
    let original = try records.record(sample)
    let variant = draws > 0 ? epoch % draws : nil
    let record =
      variant.map { augmentation.variant($0, of: original, seed: augmentationSeed, sample: sample.index) }
      ?? augmentation.apply(to: original, seed: augmentationSeed, epoch: epoch, sample: sample.index)
    let isLabelled = labelled.isLabelled(sample)
    let asked = asksEveryQuestion ? [question] + questions.others(than: question, for: sample) : [question]
    func input(_ side: ModelSide) throws -> PreparedInput {
      try side.input(record, asked, withAnswers: isLabelled)
    }
    return PreparedSample(
      position: position, epoch: epoch, sample: sample, question: question, isLabelled: isLabelled,
      student: try input(student),
      teacher: try store?.input(
        StoredSample(record: sample.id, variant: variant ?? 0, question: question.kind.name), withAnswers: isLabelled)
        ?? teacher.map(input))
  }
}
