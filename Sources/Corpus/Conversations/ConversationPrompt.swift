import Tensors

/// Turns conversations of several turns into token ids with labels, as one model family writes them.
public struct ConversationPrompt: Sendable {
  public let tokenizer: any Tokenizer
  public let template: ChatTemplate
  public let imageTokens: ImageTokens
  public let imageTokenId: Int32
  /// Longer conversations are cut at this many tokens.
  public let longest: Int

  /// - Throws: `UserError` of kind badInput where the tokenizer lacks a token that template or images need.
  public init(
    tokenizer: any Tokenizer, template: ChatTemplate, imageTokens: ImageTokens, splitsImages: Bool = false,
    longest: Int = 4096
  ) throws {
    precondition(longest > 0, "a conversation needs room")
    let tiles = splitsImages && imageTokens.markers.contains("<global-img>") ? ["<row_1_col_1>"] : []
    for marker in template.markers + imageTokens.markers + tiles where tokenizer.id(of: marker) == nil {
      throw UserError(
        .badInput, "the tokenizer has no token \(marker), which the chat template \(template.name) and its images need",
        remedy: "use the tokenizer.json that belongs to the model, or \(ChatTemplate.remedy)")
    }
    self.tokenizer = tokenizer
    self.template = template
    self.imageTokens = imageTokens
    self.longest = longest
    imageTokenId = tokenizer.id(of: ImageTokens.mark) ?? -1
  }

  /// The conversation's text, as the family's chat template writes it, with the visual tokens in place.
  public func text(of conversation: Conversation, images: [ImageGeometry]) -> String {
    stretches(of: conversation, images: images).map(\.text).joined()
  }

  private func stretches(of conversation: Conversation, images: [ImageGeometry]) -> [ChatStretch] {
    precondition(images.count == conversation.images.count, "the layout of every image")
    return template.stretches(of: conversation.turns, images: images.map(imageTokens.text), plain: plain)
  }

  /// Token ids; labels are the ids of every answer and of what ends it, -100 elsewhere.
  ///
  /// Text is tokenized up to each answer's beginning and up to its end; the answer begins where the two stop agreeing.
  /// - Throws: `UserError` of kind badInput naming the entry where the cut leaves no answer or only part of an image.
  /// - Complexity: O(answers x length).
  public func tokenized(
    _ conversation: Conversation, images: [ImageGeometry]
  ) throws -> TokenizedConversation {
    try cut(whole(conversation, images), conversation)
  }

  /// Token ids of a conversation that ends with a question, up to and with the opening of the answer that is asked for.
  ///
  /// - Throws: `UserError` of kind badInput where they do not fit: cut, they would lack that opening.
  public func ids(asking conversation: Conversation, images: [ImageGeometry]) throws -> [Int32] {
    let ids = whole(conversation, images).ids
    guard ids.count > longest else { return ids }
    let ofImages = ids.count { $0 == imageTokenId }
    throw UserError(
      .badInput,
      "\(conversation.place): it makes \(ids.count) tokens, \(ofImages) of them of its image, and \(longest) fit",
      remedy: ofImages < longest
        ? "ask in \(ids.count - longest) tokens fewer, or use an image processor with fewer tiles"
        : "use an image processor with fewer tiles")
  }

  private func whole(_ conversation: Conversation, _ images: [ImageGeometry]) -> TokenizedConversation {
    let stretches = stretches(of: conversation, images: images)
    var text = ""
    var ids: [Int32] = []
    var answers: [Range<Int>] = []
    for (place, stretch) in stretches.enumerated() {
      let before = stretch.isAnswer ? ids : []
      text += stretch.text
      guard stretch.isAnswer || place + 1 == stretches.count || stretches[place + 1].isAnswer else { continue }
      ids = encode(text)
      if stretch.isAnswer { answers.append(zip(before, ids).prefix { $0 == $1 }.count..<ids.count) }
    }
    var labels = [Int32](repeating: TokenizedConversation.ignored, count: ids.count)
    for answer in answers {
      for position in answer.clamped(to: ids.indices) { labels[position] = ids[position] }
    }
    return TokenizedConversation(ids: ids, labels: labels)
  }

  private func encode(_ text: String) -> [Int32] {
    tokenizer.encode(text, addingSpecialTokens: !template.bringsBeginning)
  }

  private func cut(
    _ whole: TokenizedConversation, _ conversation: Conversation
  ) throws -> TokenizedConversation {
    guard whole.ids.count > longest else { return whole }
    let kept = TokenizedConversation(ids: Array(whole.ids[..<longest]), labels: Array(whole.labels[..<longest]))
    let isWhole = !whole.ids[longest...].contains(imageTokenId)
    guard isWhole, conversation.answers == 0 || kept.answerTokens > 0 else {
      throw UserError(
        .badInput,
        "\(conversation.place): of its \(whole.ids.count) tokens the first \(longest) hold "
          + (isWhole ? "no answer" : "only part of an image"),
        remedy: "allow longer conversations, use an image processor with fewer tiles, or leave the entry out")
    }
    return kept
  }

  private func plain(_ text: String) -> String {
    (template.markers + imageTokens.markers).reduce(text) { text, marker in text.replacing(marker, with: "") }
  }
}

extension TokenizedConversation {
  /// A conversation with any number of answers.
  /// - Precondition: a label for every id: the id itself, or -100.
  init(ids: [Int32], labels: [Int32]) {
    precondition(
      ids.count == labels.count && zip(ids, labels).allSatisfy { $1 == Self.ignored || $0 == $1 },
      "labels are ids or ignored")
    self.ids = ids
    self.labels = labels
    answerStart = labels.firstIndex { $0 != Self.ignored } ?? ids.count
    branches = []
  }
}
