import Tensors

/// How a model family writes a conversation of several turns.
///
/// A text is: `opening`; for each question `userOpening`, images each followed by `afterImage` (or `beforeText` where
/// there are none), the text, `userClosing`; for each answer `answerOpening`, `beforeAnswer`, the answer, `end`,
/// `answerClosing`. The model learns the answer and `end`.
public struct ChatTemplate: Sendable, Equatable {
  /// The name by which a configuration chooses it.
  public let name: String
  /// Before the first turn.
  public var opening = ""
  /// Whether the text brings the sequence's first token with it, so that the tokenizer adds none of its own.
  public var bringsBeginning = true
  public var systemOpening = ""
  public var systemClosing = ""
  /// Whether a system text lies within the first question, behind its opening.
  public var systemIsInQuestion = false
  public var userOpening: String
  public var beforeText = ""
  public var afterImage = "\n"
  public var userClosing: String
  public var answerOpening: String
  /// Before the answer; tokenized with it, but not part of the prompt that asks for it.
  public var beforeAnswer = ""
  /// What ends an answer: learned with it.
  public var end: String
  public var answerClosing = ""
  /// The tokens that the template writes; text that spells one of them out loses it.
  public var markers: [String]

  /// Idefics3 and SmolVLM. - Parameter opening: `<|im_start|>` for SmolVLM, `<|begin_of_text|>` for Idefics3-8B.
  public static func idefics3(opening: String = "<|im_start|>") -> ChatTemplate {
    ChatTemplate(
      name: "idefics3", opening: opening, bringsBeginning: !opening.isEmpty, systemOpening: "System: ",
      systemClosing: "<end_of_utterance>\n",
      userOpening: "User:", beforeText: " ", afterImage: "", userClosing: "<end_of_utterance>\n",
      answerOpening: "Assistant:", beforeAnswer: " ", end: "<end_of_utterance>", answerClosing: "\n",
      markers: [opening, "<end_of_utterance>"].filter { !$0.isEmpty })
  }

  /// Vicuna 1.1, as LLaVA 1.5 and 1.6 are trained: answers end with `</s>`, and the next question follows at once.
  public static let vicuna = ChatTemplate(
    name: "vicuna", bringsBeginning: false, systemClosing: " ", userOpening: "USER: ", userClosing: " ",
    answerOpening: "ASSISTANT:",
    beforeAnswer: " ", end: "</s>", markers: ["</s>"])

  /// ChatML, as Qwen writes it.
  public static let chatML = ChatTemplate(
    name: "chatml", systemOpening: "<|im_start|>system\n", systemClosing: "<|im_end|>\n",
    userOpening: "<|im_start|>user\n", userClosing: "<|im_end|>\n", answerOpening: "<|im_start|>assistant\n",
    end: "<|im_end|>", answerClosing: "\n", markers: ["<|im_start|>", "<|im_end|>"])

  /// Llama 2: every pair of turns is a sequence of its own, `<s>` to `</s>`.
  public static let llama2 = ChatTemplate(
    name: "llama-2", systemOpening: "<<SYS>>\n", systemClosing: "\n<</SYS>>\n\n", systemIsInQuestion: true,
    userOpening: "<s>[INST] ", userClosing: " [/INST]", answerOpening: "", beforeAnswer: " ", end: " </s>",
    markers: ["<s>", "</s>"])

  /// Llama 3.
  public static let llama3 = ChatTemplate(
    name: "llama-3", opening: "<|begin_of_text|>",
    systemOpening: "<|start_header_id|>system<|end_header_id|>\n\n", systemClosing: "<|eot_id|>",
    userOpening: "<|start_header_id|>user<|end_header_id|>\n\n", userClosing: "<|eot_id|>",
    answerOpening: "<|start_header_id|>assistant<|end_header_id|>\n\n", end: "<|eot_id|>",
    markers: ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"])

  /// All of them, as a configuration may name them.
  public static let all = [idefics3(), vicuna, chatML, llama2, llama3]

  /// The template of a name.
  /// - Throws: `UserError` of kind usage listing the names.
  public static func named(_ name: String) throws -> ChatTemplate {
    guard let found = all.first(where: { $0.name == name }) else {
      throw UserError(
        .usage, "there is no chat template \"\(name)\"", remedy: remedy)
    }
    return found
  }

  /// The token that ends an answer, the last one of what is learned with it; nil where the tokenizer has none.
  public func endToken(of tokenizer: any Tokenizer) -> Int? {
    tokenizer.encode(end, addingSpecialTokens: false).last.map(Int.init)
  }

  /// How a user names a template.
  static var remedy: String {
    "name one of \(all.map(\.name).joined(separator: ", ")): teacher.chat_template, student.chat_template or "
      + "data.chat_template of a run, --chat-template of interpret and evaluate"
  }
}

/// A stretch of a conversation's text; the answers are what is learned.
struct ChatStretch: Equatable {
  var text: String
  var isAnswer: Bool
}

extension ChatTemplate {
  /// The text of turns, cut into what is learned and what is not.
  ///
  /// Opening and `beforeAnswer` of an answer belong to the prompt's text; `beforeAnswer` is put at the head of the answer,
  /// because tokenizers join it with the first word.
  /// - Parameters:
  ///   - images: the text that stands for each image, in order.
  ///   - plain: takes special tokens out of what people wrote.
  func stretches(
    of turns: [Conversation.Turn], images: [String], plain: (String) -> String = { $0 }
  ) -> [ChatStretch] {
    var result: [ChatStretch] = []
    var prompt = opening
    var shown = 0
    var system = ""
    for turn in turns {
      let text = plain(turn.text)
      switch turn.role {
      case .system:
        system = systemOpening + text + systemClosing
        if !systemIsInQuestion { prompt += system }
      case .human:
        prompt += userOpening
        if systemIsInQuestion { prompt += system }
        system = ""
        prompt += images[shown..<shown + turn.images].map { $0 + afterImage }.joined()
        shown += turn.images
        prompt += (turn.images == 0 ? beforeText : "") + text + userClosing
      case .assistant:
        result.append(ChatStretch(text: prompt + answerOpening, isAnswer: false))
        result.append(ChatStretch(text: beforeAnswer + text + end, isAnswer: true))
        prompt = answerClosing
      }
    }
    if turns.last?.role == .human { prompt += answerOpening }
    if !prompt.isEmpty { result.append(ChatStretch(text: prompt, isAnswer: false)) }
    return result
  }
}
