import Tensors

/// Shape of an Idefics3 / SmolVLM model, under the names of its `config.json`.
public struct Idefics3Configuration: Equatable, Sendable {
  /// The vision tower.
  public struct Vision: Equatable, Sendable {
    public var hiddenSize: Int
    public var intermediateSize: Int
    public var layers: Int
    public var heads: Int
    public var channels = 3
    /// Side of a full image in pixels; sets the size of the position table.
    public var imageSize: Int
    public var patchSize: Int
    public var layerNormEpsilon = 1e-6
    /// Standard deviation of fresh weights.
    public var initializerRange = 0.02

    public init(hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int, imageSize: Int, patchSize: Int) {
      self.hiddenSize = hiddenSize
      self.intermediateSize = intermediateSize
      self.layers = layers
      self.heads = heads
      self.imageSize = imageSize
      self.patchSize = patchSize
    }

    /// Positions along one side of the table, which has its square; pixels left over at an edge are not seen.
    public var positionsPerSide: Int { imageSize / patchSize }
  }

  /// The Llama decoder.
  public struct Text: Equatable, Sendable {
    public var hiddenSize: Int
    public var intermediateSize: Int
    public var layers: Int
    public var heads: Int
    public var keyValueHeads: Int
    public var headWidth: Int
    public var vocabularySize: Int
    public var ropeTheta = 10_000.0
    public var rmsNormEpsilon = 1e-5
    public var maximumPositions = 2048
    public var initializerRange = 0.02

    public init(
      hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int, keyValueHeads: Int, headWidth: Int? = nil,
      vocabularySize: Int
    ) {
      self.hiddenSize = hiddenSize
      self.intermediateSize = intermediateSize
      self.layers = layers
      self.heads = heads
      self.keyValueHeads = keyValueHeads
      self.headWidth = headWidth ?? hiddenSize / max(1, heads)
      self.vocabularySize = vocabularySize
    }
  }

  public var vision: Vision
  public var text: Text
  /// Side of the block of patches that the connector turns into one visual token.
  public var scaleFactor: Int
  /// Whether the output head is the token embedding.
  public var tiesEmbeddings: Bool
  public var imageToken: Int
  public var beginToken: Int?
  /// Tokens that end an answer.
  public var endTokens: [Int]
  public var padToken: Int?

  public init(
    vision: Vision, text: Text, scaleFactor: Int, tiesEmbeddings: Bool = false, imageToken: Int,
    beginToken: Int? = nil, endTokens: [Int] = [], padToken: Int? = nil
  ) {
    self.vision = vision
    self.text = text
    self.scaleFactor = scaleFactor
    self.tiesEmbeddings = tiesEmbeddings
    self.imageToken = imageToken
    self.beginToken = beginToken
    self.endTokens = endTokens
    self.padToken = padToken
  }

  /// Visual tokens of one full image: (image size / patch size / scale factor)^2.
  public var tokensPerImage: Int {
    let side = vision.positionsPerSide / scaleFactor
    return side * side
  }

  /// What no model can be built from, as (key of config.json, what was found, what was expected).
  private var problems: [(key: String, found: String, expected: String)] {
    var result: [(String, String, String)] = []
    func check(_ holds: Bool, _ key: String, _ found: Any, _ expected: String) {
      if !holds { result.append((key, "\(found)", expected)) }
    }
    check(
      vision.hiddenSize % vision.heads == 0, "vision_config.num_attention_heads", vision.heads,
      "a divisor of hidden_size \(vision.hiddenSize)")
    check(
      vision.imageSize >= vision.patchSize, "vision_config.patch_size", vision.patchSize,
      "at most image_size \(vision.imageSize)")
    check(
      vision.positionsPerSide % scaleFactor == 0, "scale_factor", scaleFactor,
      "a divisor of the \(vision.positionsPerSide) patches along an image's side")
    check(
      text.heads % text.keyValueHeads == 0, "text_config.num_key_value_heads", text.keyValueHeads,
      "a divisor of num_attention_heads \(text.heads)")
    check(text.headWidth % 2 == 0, "text_config.head_dim", text.headWidth, "an even number, for rotary positions")
    check(
      (0..<text.vocabularySize).contains(imageToken), "image_token_id", imageToken,
      "an id below vocab_size \(text.vocabularySize)")
    return result
  }

  /// Checks that a model can be built. - Throws: `UserError` naming every offending key of `file`.
  public func validate(file: String = "model configuration") throws {
    let sizes = [
      ("vision_config.hidden_size", vision.hiddenSize), ("vision_config.intermediate_size", vision.intermediateSize),
      ("vision_config.num_attention_heads", vision.heads), ("vision_config.image_size", vision.imageSize),
      ("vision_config.patch_size", vision.patchSize), ("vision_config.num_channels", vision.channels),
      ("text_config.hidden_size", text.hiddenSize), ("text_config.intermediate_size", text.intermediateSize),
      ("text_config.num_attention_heads", text.heads), ("text_config.num_key_value_heads", text.keyValueHeads),
      ("text_config.head_dim", text.headWidth), ("text_config.vocab_size", text.vocabularySize),
      ("scale_factor", scaleFactor),
    ]
    if let (key, value) = sizes.first(where: { $0.1 < 1 }) {
      throw UserError(.badInput, "\(file): key \(key) is \(value), expected an integer above 0")
    }
    guard problems.isEmpty else {
      let lines = problems.map { "\(file): key \($0.key) is \($0.found), expected \($0.expected)" }
      throw UserError(.badInput, lines.joined(separator: "\n"))
    }
  }
}
