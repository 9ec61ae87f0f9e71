import Autograd
import Tensors

/// The built-in tiny models: ordinary Idefics3 shapes, small enough to train from scratch on a few cores.
///
/// Student and teacher differ as in the paper: another width and depth, and 64 against 256 visual tokens.
public struct BuiltInModel: Equatable, Sendable {
  /// How an ECG enters: as a rendered image, or as signal packed into 16 x 16 cells, of all leads or of one (`data.view`).
  public enum View: String, CaseIterable, Codable, Sendable {
    case image
    case signal
    case leads

    /// Side of an image and of a patch in pixels; all views have 16 x 16 patches.
    public var sizes: (image: Int, patch: Int) {
      switch self {
      case .image: (256, 16)
      case .signal, .leads: (128, 8)
      }
    }
  }

  /// Ids that come from the tokenizer.
  public struct Tokens: Equatable, Sendable {
    public var vocabularySize: Int
    public var image: Int
    public var begin: Int?
    public var end: [Int]
    public var pad: Int?

    public init(vocabularySize: Int, image: Int, begin: Int? = nil, end: [Int], pad: Int? = nil) {
      self.vocabularySize = vocabularySize
      self.image = image
      self.begin = begin
      self.end = end
      self.pad = pad
    }
  }

  public var visionWidth: Int
  public var visionLayers: Int
  public var visionHeads: Int
  /// Side of the block of patches that becomes one visual token: 2 gives 64 tokens, 1 gives 256.
  public var scaleFactor: Int
  public var textWidth: Int
  public var textLayers: Int
  public var textHeads: Int
  public var textKeyValueHeads: Int

  /// About 0.2 million weights without the vocabulary.
  public static var student: BuiltInModel {
    BuiltInModel(
      visionWidth: 48, visionLayers: 2, visionHeads: 3, scaleFactor: 2, textWidth: 64, textLayers: 2, textHeads: 4,
      textKeyValueHeads: 2)
  }

  /// About 0.8 million weights without the vocabulary.
  public static var teacher: BuiltInModel {
    BuiltInModel(
      visionWidth: 96, visionLayers: 2, visionHeads: 4, scaleFactor: 1, textWidth: 128, textLayers: 3, textHeads: 4,
      textKeyValueHeads: 2)
  }

  /// The full configuration.
  ///
  /// The hidden layers are 4 (vision) and 8/3 (decoder, gated) times as wide as the model. Fresh weights have the
  /// standard deviation of torch.nn.Linear, 1 / sqrt(3 width): the 0.02 of large models is too small at these widths.
  public func configuration(view: View, tokens: Tokens) -> Idefics3Configuration {
    var vision = Idefics3Configuration.Vision(
      hiddenSize: visionWidth, intermediateSize: 4 * visionWidth, layers: visionLayers, heads: visionHeads,
      imageSize: view.sizes.image, patchSize: view.sizes.patch)
    vision.initializerRange = 1 / (3 * Double(visionWidth)).squareRoot()
    var text = Idefics3Configuration.Text(
      hiddenSize: textWidth, intermediateSize: (8 * textWidth / 3 + 15) / 16 * 16, layers: textLayers,
      heads: textHeads, keyValueHeads: textKeyValueHeads, vocabularySize: tokens.vocabularySize)
    text.initializerRange = 1 / (3 * Double(textWidth)).squareRoot()
    return Idefics3Configuration(
      vision: vision, text: text, scaleFactor: scaleFactor, imageToken: tokens.image, beginToken: tokens.begin,
      endTokens: tokens.end, padToken: tokens.pad)
  }
}
