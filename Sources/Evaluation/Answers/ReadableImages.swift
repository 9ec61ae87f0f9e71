import Corpus
import Tensors

/// One or several images as a model is given them, and the form of dialogues about them.
public struct ReadableImages: Sendable {
  /// Tile after tile, one image's behind another's.
  let pixels: [Float]
  let geometries: [ImageGeometry]
  let prompt: ConversationPrompt
  /// The token that ends an answer.
  let endId: Int

  /// - Throws: `UserError` (bad input) where the images' tiles differ in size, or the tokenizer has no end of an answer.
  public init(_ images: [ReadableImage], prompt: ConversationPrompt) throws {
    guard let first = images.first, images.allSatisfy({ $0.geometry.tile == first.geometry.tile }) else {
      throw UserError(
        .badInput, "\(images.count) images of different tiles", remedy: "show images that the model sees at one size")
    }
    guard let end = prompt.template.endToken(of: prompt.tokenizer) else {
      throw UserError(
        .badInput, "the tokenizer has no token for the end of an answer of the chat template \(prompt.template.name)",
        remedy: "use the tokenizer.json that belongs to the model")
    }
    pixels = images.flatMap(\.pixels)
    geometries = images.map(\.geometry)
    self.prompt = prompt
    endId = end
  }

  /// Token ids of a dialogue that ends with a question; all images are shown in its first turn.
  func ids(of turns: [Conversation.Turn]) throws -> [Int32] {
    let question = turns.last?.text ?? ""
    let shown = question.count > 60 ? question.prefix(60) + "..." : question[...]
    return try prompt.ids(
      asking: Conversation(
        id: "question", images: geometries.map { _ in "image" }, turns: turns, place: "the question \"\(shown)\""),
      images: geometries)
  }
}

/// What a question shows, as a model is given it.
public enum ReadableSubject: Sendable {
  /// One image, asked about in the model's own form of question.
  case image(ReadableImage)
  /// Images of a dialogue, or several of one question.
  case images(ReadableImages)
}
