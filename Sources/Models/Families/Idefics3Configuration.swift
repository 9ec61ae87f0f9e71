import Autograd
import Tensors

/// Shape of an Idefics3 / SmolVLM model, under the names of its `config.json`.
public struct Idefics3Configuration: ModelConfiguration {
  public typealias Vision = VisionConfiguration
  public typealias Text = DecoderConfiguration

  /// What the model calls itself in `config.json`: both are one architecture under two names.
  public enum Name: String, Sendable { case idefics3, smolvlm }

  public static let decoderPrefix = "model.text_model."
  public static let headName = "lm_head.weight"
  public static let names = TensorNames.idefics3

  public var familyName: String { "Idefics3" }
  static let connectorPrefix = "model.connector."
  public var connectorName: String { Self.connectorPrefix + Connector<Float>.weightName }

  public var name = Name.idefics3
  public var vision: Vision
  public var text: Text
  /// Side of the block of patches that the connector turns into one visual token.
  public var scaleFactor: Int
  /// Whether the output head is the token embedding.
  public var tiesEmbeddings: Bool
  public var imageToken: Int
  public var tokens: SpecialTokens

  public init(
    vision: Vision, text: Text, scaleFactor: Int, tiesEmbeddings: Bool = false, imageToken: Int,
    beginToken: Int? = nil, endTokens: [Int] = [], padToken: Int? = nil
  ) {
    self.vision = vision
    self.text = text
    self.scaleFactor = scaleFactor
    self.tiesEmbeddings = tiesEmbeddings
    self.imageToken = imageToken
    tokens = SpecialTokens(begin: beginToken, end: endTokens, pad: padToken)
  }

  public func declare(into layout: inout ParameterLayout) { Idefics3<Float>.declare(self, into: &layout) }

  public func model<Element: Scalar>(in arena: ParameterArena<Element>) -> any VisionLanguageModel<Element> {
    Idefics3(self, arena: arena)
  }

  /// Visual tokens of one full image: (image size / patch size / scale factor)^2.
  public var tokensPerImage: Int {
    let side = vision.positionsPerSide / scaleFactor
    return side * side
  }

  /// Checks that a model can be built. - Throws: `UserError` naming every offending key of `file`.
  public func validate(file: String) throws {
    try ConfigurationProblems.requirePositive(
      vision.sizes + text.sizes + [("scale_factor", scaleFactor)], file: file)
    var problems = ConfigurationProblems()
    vision.findProblems(&problems)
    problems.check(
      vision.positionsPerSide % scaleFactor == 0, "scale_factor", scaleFactor,
      "a divisor of the \(vision.positionsPerSide) patches along an image's side")
    text.findProblems(&problems)
    problems.check(
      (0..<text.vocabularySize).contains(imageToken), "image_token_id", imageToken,
      "an id below vocab_size \(text.vocabularySize)")
    try problems.raise(file: file)
  }
}
