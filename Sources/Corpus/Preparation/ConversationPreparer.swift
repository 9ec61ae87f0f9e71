import Cardiology
import Tensors

/// How one model sees images and reads conversations about them.
public struct ConversationSide: Sendable {
  public let processor: any ImageProcessor
  public let prompt: ConversationPrompt

  public init(processor: any ImageProcessor, prompt: ConversationPrompt) {
    self.processor = processor
    self.prompt = prompt
  }

  /// The model's input for a conversation and its images, tile after tile.
  /// - Throws: `UserError` naming the entry.
  public func input(_ conversation: Conversation, _ images: [RasterImage]) throws -> PreparedInput {
    let processed: [ProcessedImage]
    do { processed = try images.map(processor.process) } catch let error as UserError {
      throw UserError(error.kind, "\(conversation.place): \(error.message)", remedy: error.remedy)
    }
    return PreparedInput(
      pixels: processed.flatMap(\.pixels), images: processed.map(\.geometry),
      conversation: try prompt.tokenized(conversation, images: processed.map(\.geometry)))
  }

  /// The text of `input` alone, for images of these sizes.
  /// - Throws: `UserError` naming the entry.
  public func tokenized(_ conversation: Conversation, sizes: [PixelSize]) throws -> TokenizedConversation {
    try prompt.tokenized(conversation, images: sizes.map(processor.geometry))
  }

  /// The size of `input` for images of these sizes.
  func size(_ conversation: Conversation, sizes: [PixelSize]) throws -> InputSize {
    let text = try tokenized(conversation, sizes: sizes)
    return InputSize(
      tiles: sizes.reduce(0) { $0 + processor.geometry(of: $1).tiles }, tokens: text.ids.count,
      answerTokens: text.answerTokens)
  }

  /// Every setting that changes what the model is given, in words.
  public var settings: String { "\(processor.settings), chat template \(prompt.template.name)" }
}

/// A conversation as student and teacher are given it.
public struct PreparedConversationSample: TrainingSample {
  public let position: Int
  public let epoch: Int
  /// As it is shown: without a used answer what is said before the first one, with the images shown until then.
  public let conversation: Conversation
  public let isLabelled: Bool
  public let student: PreparedInput
  /// Nil without a teacher.
  public let teacher: PreparedInput?

  public var name: String { conversation.place }
}

/// Turns a position of the sample order into a conversation ready for the models.
///
/// A pure function of seed and position, as `SamplePreparer`. Images are shown as they are; there is no augmentation.
public struct ConversationPreparer: SampleSource {
  public let dataset: ConversationDataset
  public let order: KeyedOrder
  public let labelled: LabelledFraction
  public let student: ConversationSide
  public let teacher: ConversationSide?
  /// Stands for a live teacher.
  public let store: TeacherStore?

  /// - Throws: `UserError` of kind badInput naming the first conversation without an answer to learn.
  public init(
    dataset: ConversationDataset, seed: UInt64, labelled: LabelledFraction, student: ConversationSide,
    teacher: ConversationSide?, store: TeacherStore? = nil
  ) throws {
    try dataset.demandAnswers()
    self.dataset = dataset
    order = KeyedOrder(seed: seed, count: dataset.conversations.count)
    self.labelled = labelled
    self.student = student
    self.teacher = teacher
    self.store = store
  }

  /// The conversation at a position of the order.
  /// - Throws: `UserError` naming entry and file at fault.
  public func prepare(position: Int) throws -> PreparedConversationSample {
    let (index, isLabelled, conversation) = shown(at: position)
    let images = try dataset.images(of: conversation)
    return PreparedConversationSample(
      position: position, epoch: order.epoch(position: position), conversation: conversation, isLabelled: isLabelled,
      student: try student.input(conversation, images),
      teacher: try store.map { try input(index, isLabelled: isLabelled, images: conversation.images.count, from: $0) }
        ?? teacher?.input(conversation, images))
  }

  public var telling: Int { min(dataset.conversations.count, StoreEstimate.mostSamples) }

  /// No pixel is decoded for it.
  public func size(position: Int) throws -> SampleSize {
    let conversation = shown(at: position).conversation
    let sizes = try dataset.imageSizes(of: conversation)
    return (
      try student.size(conversation, sizes: sizes),
      store == nil ? try teacher?.size(conversation, sizes: sizes) : nil
    )
  }

  /// The conversation at a position of the order, as `PreparedConversationSample` shows it.
  private func shown(at position: Int) -> (index: Int, isLabelled: Bool, conversation: Conversation) {
    let index = order.sample(position: position)
    let (whole, isLabelled) = (dataset.conversations[index], labelled.isLabelled(index: index))
    return (index, isLabelled, isLabelled ? whole : whole.beforeAnswers)
  }

  /// What the store holds of a conversation that is shown with its first images.
  private func input(
    _ index: Int, isLabelled: Bool, images: Int, from store: TeacherStore
  ) throws -> PreparedInput {
    let sample = dataset.stored(index)
    guard images < dataset.conversations[index].images.count else {
      return try store.input(sample, withAnswers: isLabelled)
    }
    return try store.inputBeforeAnswers(sample, images: images)
  }
}

extension ConversationDataset {
  /// What a user should know of images that are left out with the answers before them; nil where there are none.
  public func remark(on labelled: LabelledFraction) -> String? {
    let cut = conversations.indices.filter { !labelled.isLabelled(index: $0) }.map {
      (whole: conversations[$0].images.count, kept: conversations[$0].beforeAnswers.images.count)
    }
    let late = cut.filter { $0.kept < $0.whole }
    guard !late.isEmpty else { return nil }
    return
      "\(name): \(late.count) of the \(cut.count) conversations whose answers are not used show images behind their "
      + "first answer; these are left out, and \(late.count { $0.kept == 0 }) of them have no image left: text alone"
  }

  /// - Throws: `UserError` of kind badInput naming the first conversation without an answer to learn.
  func demandAnswers() throws {
    guard let mute = conversations.first(where: { $0.answers == 0 }) else { return }
    throw UserError(
      .badInput, "\(mute.place): nobody answers in this conversation",
      remedy: "leave it out; only answers are learned")
  }
}
