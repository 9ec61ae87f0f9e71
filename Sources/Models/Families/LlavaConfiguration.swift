import Autograd
import Tensors

/// Shape of a LLaVA 1.5 or LLaVA-NeXT (1.6) model, under the names of its `config.json`.
public struct LlavaConfiguration: ModelConfiguration {
  public var vision: VisionConfiguration
  public var text: DecoderConfiguration
  /// States of the tower that the projector reads, side by side: 0 = the embeddings, i = the output of layer i, counted
  /// from the end where negative (-1 = the last layer).
  public var featureLayers: [Int] = [-2]
  /// Whether the class token stays among the visual tokens (`vision_feature_select_strategy` "full").
  public var keepsClassToken = false
  public var projectorActivation = Activation.gelu
  public var projectorHasBias = true
  /// How LLaVA-NeXT cuts an image into tiles; nil = LLaVA 1.5, one square image.
  public var tiling: TileGrid?
  public var tiesEmbeddings = false
  /// May lie past the vocabulary: its embedding is never read.
  public var imageToken = 32_000
  public var tokens = SpecialTokens()

  public init(vision: VisionConfiguration, text: DecoderConfiguration) {
    self.vision = vision
    self.text = text
  }

  public static let decoderPrefix = "language_model.model."
  public static let headName = "language_model.lm_head.weight"
  public static let names = TensorNames.llava

  static let projectorPrefix = "multi_modal_projector."
  public var connectorName: String { Self.projectorPrefix + Projector<Float>.weightName }

  public var familyName: String { tiling == nil ? "LLaVA" : "LLaVA-NeXT" }

  /// The feature layers counted from the front.
  var featureStates: [Int] { featureLayers.map { $0 < 0 ? vision.layers + 1 + $0 : $0 } }

  /// Visual tokens that the projector gives for one square image or tile.
  public var tokensPerTile: Int {
    vision.positionsPerSide * vision.positionsPerSide + (keepsClassToken ? 1 : 0)
  }

  public var tokensPerImage: Int {
    tokens(of: ImageSize(height: vision.imageSize, width: vision.imageSize))
  }

  /// Visual tokens of an image of this size in pixels before any preparation.
  public func tokens(of size: ImageSize) -> Int {
    guard let tiling else { return tokensPerTile }
    return TilePacking(size, tiling: tiling, vision: vision).count
  }

  /// Square images that the tower sees for an image of this size.
  public func tiles(of size: ImageSize) -> Int { tiling?.tiles(of: size, side: vision.imageSize) ?? 1 }

  public func declare(into layout: inout ParameterLayout) { Llava<Float>.declare(self, into: &layout) }

  public func model<Element: Scalar>(in arena: ParameterArena<Element>) -> any VisionLanguageModel<Element> {
    Llava(self, arena: arena)
  }

  public func validate(file: String) throws {
    try ConfigurationProblems.requirePositive(vision.sizes + text.sizes, file: file)
    var problems = ConfigurationProblems()
    vision.findProblems(&problems)
    text.findProblems(&problems)
    problems.check(
      !featureLayers.isEmpty && featureStates.allSatisfy { (0...vision.layers).contains($0) }, "vision_feature_layer",
      featureLayers, "states of the tower: -\(vision.layers + 1) to \(vision.layers)")
    problems.check(imageToken >= 0, "image_token_index", imageToken, "an id")
    if let tiling {
      let side = vision.imageSize
      problems.check(
        !tiling.resolutions.isEmpty
          && tiling.resolutions.allSatisfy {
            $0.height > 0 && $0.width > 0 && $0.height % side == 0 && $0.width % side == 0
          }, "image_grid_pinpoints", tiling.resolutions.map { [$0.height, $0.width] },
        "pairs of multiples of the tower's image_size \(side)")
      // transformers, too, can only lay out tiles without class tokens.
      problems.check(
        !keepsClassToken, "vision_feature_select_strategy", "full", "\"default\": tiles are joined without class tokens"
      )
    }
    try problems.raise(file: file)
  }
}
