import Synchronization
import Tensors

/// Questions and answers about one image as token ids, with what the loss counts.
public struct TokenizedConversation: Sendable, Equatable {
  /// The value of `labels` where nothing is to be predicted.
  public static let ignored: Int32 = -100

  /// Token ids of prompt and answer, shape [L].
  public let ids: [Int32]
  /// The ids at answer positions, -100 elsewhere, shape [L]; not shifted: labels[t] is predicted from position t - 1.
  public let labels: [Int32]
  /// Index of the first answer token; the prediction at answerStart - 1 is its own. Equals L without an answer.
  public let answerStart: Int
  /// Several questions: the ids of each, behind a common beginning; they do not see each other. Empty for one question.
  public let branches: [Range<Int>]

  /// - Precondition: 0 <= answerStart <= ids.count.
  public init(ids: [Int32], answerStart: Int) {
    precondition((0...ids.count).contains(answerStart), "the answer begins within the conversation")
    self.ids = ids
    self.answerStart = answerStart
    branches = []
    labels = Array(repeating: Self.ignored, count: answerStart) + ids[answerStart...]
  }

  /// Several conversations about one image joined behind their common beginning.
  ///
  /// - Precondition: there is one, and all begin with the same `common` ids.
  public init(_ conversations: [TokenizedConversation], common: Int) {
    precondition(!conversations.isEmpty, "a conversation needs a question")
    let first = conversations[0]
    precondition(
      conversations.allSatisfy {
        $0.branches.isEmpty && $0.ids.count > common && $0.ids.prefix(common) == first.ids.prefix(common)
      },
      "conversations that begin alike")
    ids = first.ids.prefix(common) + conversations.flatMap { $0.ids.dropFirst(common) }
    labels = first.labels.prefix(common) + conversations.flatMap { $0.labels.dropFirst(common) }
    answerStart = first.answerStart
    var end = common
    branches = conversations.map { conversation in
      let start = end
      end += conversation.ids.count - common
      return start..<end
    }
  }

  /// Answer tokens, the end of the turn included: what cross-entropy is normalised by.
  public var answerTokens: Int { labels.count { $0 != Self.ignored } }

  /// The conversation cut before its answer: for records without a label, and for inference.
  /// - Precondition: one question.
  public var withoutAnswer: TokenizedConversation {
    TokenizedConversation(ids: Array(ids[..<answerStart]), answerStart: answerStart)
  }
}

/// How a model family writes a conversation about one image.
public struct ChatFormat: Sendable, Equatable {
  public let name: String
  /// Before the image tokens.
  public let opening: String
  public let imageToken: String
  /// Between image tokens and question.
  public let beforeQuestion: String
  /// From the question's end up to, and without the space before, the answer.
  public let beforeAnswer: String
  /// The token that ends the answer.
  public let end: String

  /// Idefics3 and SmolVLM, one image without splitting (spec: Idefics3Processor).
  public static let idefics3 = ChatFormat(
    name: "Idefics3", opening: "<|im_start|>User:<fake_token_around_image><global-img>", imageToken: "<image>",
    beforeQuestion: "<fake_token_around_image>", beforeAnswer: "<end_of_utterance>\nAssistant:",
    end: "<end_of_utterance>")

  /// LLaVA 1.5 (Vicuna's turns).
  public static let llava = ChatFormat(
    name: "LLaVA", opening: "USER: ", imageToken: "<image>", beforeQuestion: "\n", beforeAnswer: " ASSISTANT:",
    end: "</s>")

  /// The special tokens the format writes.
  var markers: [String] {
    let known = ["<|im_start|>", "<fake_token_around_image>", "<global-img>"]
    return [imageToken, end] + known.filter { (opening + beforeQuestion).contains($0) }
  }
}

/// Builds the token ids of conversations for one model whose view is one square image.
public struct Prompt: QuestionPrompt {
  public let tokenizer: any Tokenizer
  public let format: ChatFormat
  /// Number of image tokens, the model's visual tokens of one image.
  public let imageTokens: Int
  public let imageTokenId: Int32
  /// The token that ends an answer.
  public let endId: Int32
  /// The tokens at which the answers " Yes" and " No" part, whose probabilities are compared.
  public let yesId: Int32
  public let noId: Int32
  /// What both answers share before that token; empty for vocabularies that hold both words whole.
  public let sharedAnswer: [Int32]
  /// Answers longer than this many tokens are cut (their end token is then missing).
  public let longestAnswer: Int

  private let head: [Int32]
  private let known = Known()

  /// Conversations built before. Questions with few answers come up in every epoch; reports are not kept.
  private final class Known: Sendable {
    struct Key: Hashable {
      let question: String
      let answer: String
    }
    let conversations = Mutex<[Key: TokenizedConversation]>([:])
  }

  /// - Throws: `UserError` of kind badInput where the tokenizer lacks a token of the format.
  public init(
    tokenizer: any Tokenizer, format: ChatFormat = .idefics3, imageTokens: Int, longestAnswer: Int = 192
  ) throws {
    precondition(imageTokens > 0 && longestAnswer > 0, "a conversation needs an image and room for an answer")
    for marker in format.markers where tokenizer.id(of: marker) == nil {
      throw UserError(
        .badInput, "the tokenizer has no token \(marker), which the chat format of \(format.name) needs",
        remedy: "use the tokenizer.json that belongs to the model")
    }
    self.tokenizer = tokenizer
    self.format = format
    self.imageTokens = imageTokens
    self.longestAnswer = longestAnswer
    imageTokenId = tokenizer.id(of: format.imageToken) ?? -1
    endId = tokenizer.id(of: format.end) ?? -1
    head = tokenizer.encode(format.opening) + Array(repeating: imageTokenId, count: imageTokens)
    let open = tokenizer.encode(format.beforeAnswer, addingSpecialTokens: false)
    let (yes, no) = (Self.answer(Question.yes, tokenizer, format), Self.answer(Question.no, tokenizer, format))
    let fork = Self.commonPrefix(yes, no)
    guard fork < min(yes.count, no.count) else {
      throw UserError(
        .badInput, "the tokenizer writes \"Yes\" and \"No\" alike", remedy: "use a tokenizer trained on English text")
    }
    yesId = yes[fork]
    noId = no[fork]
    sharedAnswer = Array(yes[min(Self.commonPrefix(yes, open), fork)..<fork])
  }

  /// The turn's opening with a whole answer.
  private static func answer(_ text: String, _ tokenizer: any Tokenizer, _ format: ChatFormat) -> [Int32] {
    tokenizer.encode(format.beforeAnswer + " " + text + format.end, addingSpecialTokens: false)
  }

  /// Prompt and answer.
  ///
  /// Question and answer are tokenized together, as generation will see them; the answer begins where the ids stop
  /// agreeing with those of the prompt alone. Special tokens spelled out in either are removed.
  public func conversation(_ question: Question) -> TokenizedConversation {
    guard question.kind != .report else { return built(question) }
    let key = Known.Key(question: question.text, answer: question.answer)
    if let made = known.conversations.withLock({ $0[key] }) { return made }
    let made = built(question)
    known.conversations.withLock { $0[key] = made }
    return made
  }

  private func built(_ question: Question) -> TokenizedConversation {
    let open = format.beforeQuestion + plain(question.text) + format.beforeAnswer
    let prompt = tokenizer.encode(open, addingSpecialTokens: false)
    var whole = tokenizer.encode(open + " " + plain(question.answer) + format.end, addingSpecialTokens: false)
    let start = Self.commonPrefix(prompt, whole)
    whole.removeLast(max(0, whole.count - start - longestAnswer))
    return TokenizedConversation(ids: head + whole, answerStart: head.count + start)
  }

  /// Ids that all conversations begin with: up to the last image token.
  public var commonLength: Int { head.count }

  /// The prompt alone, for generation.
  public func ids(asking question: String) -> [Int32] {
    let open = format.beforeQuestion + plain(question) + format.beforeAnswer
    return head + tokenizer.encode(open, addingSpecialTokens: false)
  }

  private func plain(_ text: String) -> String {
    format.markers.reduce(text) { text, marker in text.replacing(marker, with: "") }
  }

  private static func commonPrefix(_ a: [Int32], _ b: [Int32]) -> Int { zip(a, b).prefix { $0 == $1 }.count }
}
