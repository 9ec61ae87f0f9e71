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
  public func input(
    _ conversation: Conversation, _ images: [RasterImage], withAnswers: Bool = true
  ) throws -> PreparedInput {
    let processed: [ProcessedImage]
    do { processed = try images.map(processor.process) } catch let error as UserError {
      throw UserError(error.kind, "\(conversation.place): \(error.message)", remedy: error.remedy)
    }
    return PreparedInput(
      pixels: processed.flatMap(\.pixels), images: processed.map(\.geometry),
      conversation: try prompt.tokenized(conversation, images: processed.map(\.geometry), withAnswers: withAnswers))
  }

  /// The text of `input` alone, for images of these sizes.
  /// - Throws: `UserError` naming the entry.
  public func tokenized(_ conversation: Conversation, sizes: [PixelSize]) throws -> TokenizedConversation {
    try prompt.tokenized(conversation, images: sizes.map(processor.geometry))
  }

  /// Every setting that changes what the model is given, in words.
  public var settings: String { "\(processor.settings), chat template \(prompt.template.name)" }
}

/// A conversation as student and teacher are given it.
public struct PreparedConversationSample: TrainingSample {
  public let position: Int
  public let epoch: Int
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
    let index = order.sample(position: position)
    let conversation = dataset.conversations[index]
    let images = try dataset.images(of: conversation)
    let isLabelled = labelled.isLabelled(index: index)
    return PreparedConversationSample(
      position: position, epoch: order.epoch(position: position), conversation: conversation, isLabelled: isLabelled,
      student: try student.input(conversation, images, withAnswers: isLabelled),
      teacher: try store?.input(dataset.stored(index), withAnswers: isLabelled)
        ?? teacher?.input(conversation, images, withAnswers: isLabelled))
  }
}

extension ConversationDataset {
  /// - Throws: `UserError` of kind badInput naming the first conversation without an answer to learn.
  func demandAnswers() throws {
    guard let mute = conversations.first(where: { $0.answers == 0 }) else { return }
    throw UserError(
      .badInput, "\(mute.place): nobody answers in this conversation",
      remedy: "leave it out; only answers are learned")
  }
}
