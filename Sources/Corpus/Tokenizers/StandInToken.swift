/// A special token that a model's configuration gives an id, while its tokenizer need not know it: `<image>` of the
/// original LLaVA, whose code cut the text at it before the tokenizer saw it.
public struct StandInToken: Sendable, Equatable {
  public var content: String
  public var id: Int
  /// The configuration's key that can set another id, for errors.
  public var key: String

  public init(_ content: String, id: Int, key: String) {
    self.content = content
    self.id = id
    self.key = key
  }
}
