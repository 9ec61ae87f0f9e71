import Autograd
import Cardiology
import Corpus
import Foundation
import Models
import Tensors

/// Which of the built-in tiny models.
public enum BuiltInRole: String, Sendable { case student, teacher }

/// A model's shape with the tokenizer, prompt and view that belong to it; the weights are elsewhere.
public struct ModelBlueprint: Sendable {
  public let configuration: Idefics3Configuration
  public let tokenizer: BytePairTokenizer
  public let side: ModelSide
  /// `signal` or `image`.
  public let viewName: String
  /// Hugging Face folder the weights come from; nil for a built-in model.
  public let folder: URL?

  /// A built-in tiny model.
  public init(builtIn role: BuiltInRole, view: String) throws {
    let tokenizer = try BytePairTokenizer(role == .student ? .student : .teacher)
    func id(_ token: String) -> Int? { tokenizer.id(of: token).map(Int.init) }
    let tokens = BuiltInModel.Tokens(
      vocabularySize: tokenizer.vocabularySize, image: id("<image>") ?? -1, begin: id("<|im_start|>"),
      end: [id("<end_of_utterance>") ?? -1], pad: id("<pad>"))
    try self.init(
      (role == .student ? BuiltInModel.student : .teacher).configuration(
        view: view == "signal" ? .signal : .image, tokens: tokens), tokenizer, view: view, folder: nil)
  }

  /// The model of a Hugging Face folder. - Parameter view: nil to take what the folder names.
  public init(folder: URL, view: String? = nil) throws {
    let named = try PreprocessorSettings.view(in: folder)
    if let view, let named, view != named {
      throw UserError(
        .usage, "\(folder.path) was trained on the \(named) view, the run asks for \(view)",
        remedy: "set data.view to \(named), or use another model")
    }
    try self.init(
      try ModelFolder(folder).idefics3Configuration(), try BytePairTokenizer(contentsOf: folder),
      view: view ?? named ?? "image", folder: folder)
  }

  private init(
    _ configuration: Idefics3Configuration, _ tokenizer: BytePairTokenizer, view: String, folder: URL?
  ) throws {
    self.configuration = configuration
    self.tokenizer = tokenizer
    self.folder = folder
    viewName = view
    let vision = configuration.vision
    let ecgView: any ECGView =
      view == "signal"
      ? try SignalView(
        imageSize: vision.imageSize, patchSize: vision.patchSize, blockSide: configuration.scaleFactor)
      : ImageView(imageSize: vision.imageSize)
    let prompt = try Prompt(tokenizer: tokenizer, imageTokens: configuration.tokensPerImage)
    try prompt.check(
      model: folder?.path ?? "built-in model", vocabularySize: configuration.text.vocabularySize,
      imageTokenId: configuration.imageToken)
    side = ModelSide(view: ecgView, prompt: prompt)
  }

  /// Fills an arena with keyed random numbers, and the model's part of it with the folder's weights where there is one.
  func fill(_ arena: ParameterArena<Float>, seed: UInt64) throws {
    arena.initialise(seed: seed)
    if let folder { try ModelFolder(folder).load(into: arena) }
    arena.round(0..<arena.layout.count)
  }

  /// The folder's model with weights of its own that are never trained.
  /// - Parameter precision: with bf16 its matrices are kept in bfloat16 alone.
  public func frozen(seed: UInt64 = 0, precision: Precision = .f32) throws -> Idefics3<Float> {
    if let folder {
      return Idefics3(configuration, arena: try ModelFolder(folder).frozenArena(precision: precision))
    }
    let arena = ParameterArena<Float>(layout: configuration.layout, trainable: false)
    arena.initialise(seed: seed)
    return Idefics3(configuration, arena: arena)
  }

  /// Writes a Hugging Face folder: configuration, weights, tokenizer, preprocessor settings.
  public func save(_ model: Idefics3<Float>, to folder: URL) throws {
    try ModelFolder.save(model, to: folder)
    try tokenizer.write(to: folder)
    try PreprocessorSettings.json(imageSize: configuration.vision.imageSize, view: viewName)
      .write(to: folder.appendingPathComponent(PreprocessorSettings.fileName))
  }
}

/// preprocessor_config.json: Idefics3's keys, and the view this program feeds the model with.
enum PreprocessorSettings {
  static let fileName = "preprocessor_config.json"
  private static let viewKey = "ecg_view"

  static func json(imageSize: Int, view: String) throws -> Data {
    try JSONSerialization.data(
      withJSONObject: [
        "image_processor_type": "Idefics3ImageProcessor", "processor_class": "Idefics3Processor",
        "do_convert_rgb": true, "do_image_splitting": false, "do_normalize": true, "do_pad": true,
        "do_rescale": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "max_image_size": ["longest_edge": imageSize], "resample": 1, "rescale_factor": 1.0 / 255.0,
        "size": ["longest_edge": imageSize], viewKey: view,
      ], options: [.prettyPrinted, .sortedKeys])
  }

  /// The view a folder was made for; nil where it does not say.
  static func view(in folder: URL) throws -> String? {
    let url = folder.appendingPathComponent(fileName)
    guard let data = try? Data(contentsOf: url) else { return nil }
    guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw UserError(.badInput, "\(url.path) is not a JSON object", remedy: "copy the model's folder again")
    }
    return object[viewKey] as? String
  }
}
