import Tensors

/// A conversation about images, several turns long (an entry of LLaVA-style JSON).
public struct Conversation: Sendable, Equatable {
  /// What one side says.
  public struct Turn: Sendable, Equatable {
    public enum Role: String, Sendable {
      case system, human, assistant
    }

    public let role: Role
    /// Without placeholders, and without white space at both ends.
    public let text: String
    /// Images shown before the text.
    public let images: Int
    /// The texts that the file lists, which `text` joins by ", "; nil where it has one text.
    public let parts: [String]?

    public init(_ role: Role, _ text: String, images: Int = 0, parts: [String]? = nil) {
      self.role = role
      self.text = text
      self.images = images
      self.parts = parts
    }
  }

  public let id: String
  /// Paths as the file has them, in the order in which they are shown.
  public let images: [String]
  /// A system turn or none, then human and assistant in turn.
  public let turns: [Turn]
  /// File and entry, for errors.
  public let place: String

  /// - Precondition: the turns show as many images as there are.
  public init(id: String, images: [String], turns: [Turn], place: String) {
    precondition(turns.reduce(0) { $0 + $1.images } == images.count, "every image is shown once")
    self.id = id
    self.images = images
    self.turns = turns
    self.place = place
  }

  /// The turns that are learned from.
  public var answers: Int { turns.count { $0.role == .assistant } }

  /// What is said before the first answer, and the images shown until then: all that is left where no answer is used.
  public var beforeAnswers: Conversation {
    let said = Array(turns.prefix { $0.role != .assistant })
    return Conversation(
      id: id, images: Array(images.prefix(said.reduce(0) { $0 + $1.images })), turns: said, place: place)
  }
}
