/// Which chat template a model is given beside, or in place of, what its folder says; by name, empty for none.
///
/// The order: the template named for this model, the folder's own, the one named for folders without, that of the
/// model's family.
public struct ChatTemplateRule: Sendable, Equatable {
  /// Named for this model: takes the place of the folder's own.
  public var named: String
  /// For a folder that does not tell its own, or one of no known family.
  public var otherwise: String

  public init(named: String = "", otherwise: String = "") {
    self.named = named
    self.otherwise = otherwise
  }
}
