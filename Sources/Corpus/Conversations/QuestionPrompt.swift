import Tensors

/// How a model is asked about one image: what training and evaluation need of a prompt.
public protocol QuestionPrompt: Sendable {
  var tokenizer: any Tokenizer { get }
  /// What tells this prompt from others of the same tokenizer; empty for the built-in one.
  var settings: String { get }
  /// Ids that all conversations begin with: up to the last image token.
  var commonLength: Int { get }
  /// The token that ends an answer.
  var endId: Int32 { get }
  /// The tokens at which the answers "Yes" and "No" part, whose probabilities are compared.
  var yesId: Int32 { get }
  var noId: Int32 { get }
  /// What both answers share before that token.
  var sharedAnswer: [Int32] { get }
  /// Prompt and answer. - Throws: `UserError` where they do not fit into the model's input.
  func conversation(_ question: Question) throws -> TokenizedConversation
  /// The prompt alone, for generation. - Throws: `UserError` where it does not fit into the model's input.
  func ids(asking question: String) throws -> [Int32]
}

extension Prompt {
  public var settings: String { "" }
}

/// Questions about one image, written as a model folder's chat template writes conversations.
public struct TemplatePrompt: QuestionPrompt {
  public let prompt: ConversationPrompt
  public let commonLength: Int
  public let endId: Int32
  public let yesId: Int32
  public let noId: Int32
  public let sharedAnswer: [Int32]
  private let image: ImageGeometry

  /// - Parameter image: the layout of every image that is asked about.
  /// - Throws: `UserError` of kind badInput where the tokenizer writes "Yes" and "No" alike, or an image fills the prompt.
  public init(_ prompt: ConversationPrompt, image: ImageGeometry) throws {
    self.prompt = prompt
    self.image = image
    let question = QuestionSet.superclasses.labels[0].question
    func tokenized(_ answer: String?) throws -> TokenizedConversation {
      try prompt.tokenized(Self.conversation(question, answer), images: [image])
    }
    let (asked, yes, no) = (try tokenized(nil).ids, try tokenized(Question.yes), try tokenized(Question.no))
    func common(_ a: [Int32], _ b: [Int32]) -> Int { zip(a, b).prefix { $0 == $1 }.count }
    let fork = common(yes.ids, no.ids)
    guard fork < min(yes.ids.count, no.ids.count),
      let end = yes.labels.last(where: { $0 != TokenizedConversation.ignored })
    else {
      throw UserError(
        .badInput, "the tokenizer writes \"Yes\" and \"No\" alike", remedy: "use a tokenizer trained on English text")
    }
    yesId = yes.ids[fork]
    noId = no.ids[fork]
    endId = end
    sharedAnswer = Array(yes.ids[min(common(yes.ids, asked), fork)..<fork])
    commonLength = (asked.lastIndex(of: prompt.imageTokenId) ?? 0) + 1
  }

  public var tokenizer: any Tokenizer { prompt.tokenizer }

  public var settings: String { "chat template \(prompt.template.name)" }

  public func conversation(_ question: Question) throws -> TokenizedConversation {
    try prompt.tokenized(Self.conversation(question.text, question.answer), images: [image])
  }

  public func ids(asking question: String) throws -> [Int32] {
    try prompt.ids(asking: Self.conversation(question, nil), images: [image])
  }

  private static func conversation(_ question: String, _ answer: String?) -> Conversation {
    let shown = question.count > 60 ? question.prefix(60) + "..." : question[...]
    return Conversation(
      id: "question", images: ["page"],
      turns: [.init(.human, question, images: 1)] + (answer.map { [.init(.assistant, $0)] } ?? []),
      place: "the question \"\(shown)\"")
  }
}

extension Tokenizer {
  /// Refuses a tokenizer that is not the model's.
  ///
  /// - Parameters:
  ///   - model: what errors call the model.
  ///   - bound: one more than the largest id the model takes.
  ///   - imageToken: how the tokenizer spells the token that stands for visual tokens.
  ///   - expected: the model's id of it.
  /// - Throws: `UserError` of kind badInput naming both numbers.
  public func check(model: String, bound: Int, imageToken: String, expected: Int) throws {
    let remedy = "put the tokenizer.json that belongs to the model into its folder"
    guard vocabularySize <= bound else {
      throw UserError(
        .badInput,
        "\(model): the tokenizer has ids up to \(vocabularySize - 1), the model's vocabulary ends at \(bound - 1)",
        remedy: remedy)
    }
    guard id(of: imageToken).map(Int.init) == expected else {
      throw UserError(
        .badInput,
        "\(model): \(imageToken) has id \(id(of: imageToken).map { "\($0)" } ?? "none") in the tokenizer and \(expected) in "
          + "config.json", remedy: remedy)
    }
  }
}
