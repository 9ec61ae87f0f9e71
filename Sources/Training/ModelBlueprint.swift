import Autograd
import Cardiology
import Corpus
import Foundation
import Models
import Tensors

/// Which of the built-in tiny models.
public enum BuiltInRole: String, Sendable { case student, teacher }

/// A model's shape with the tokenizer, prompt and view that belong to it; the weights are elsewhere.
///
/// The built-in models, and folders that this program wrote of them (their preprocessor_config.json names an `ecg_view`),
/// are given recordings drawn at the model's size or as packed signal, in one fixed form of question. Any other Hugging
/// Face folder is given pages of ECG paper through its own image processor, in the words of its own chat template.
public struct ModelBlueprint: Sendable {
  public let configuration: any ModelConfiguration
  public let tokenizer: BytePairTokenizer
  /// How recordings are shown to it and asked about.
  public let side: ModelSide
  /// `signal` or `image`.
  public let viewName: String
  /// Hugging Face folder the weights come from; nil for a built-in model.
  public let folder: URL?
  /// `data.chat_template`.
  private let chatTemplate: String

  /// A built-in tiny model.
  public init(builtIn role: BuiltInRole, view: String) throws {
    let tokenizer = try BytePairTokenizer(role == .student ? .student : .teacher)
    func id(_ token: String) -> Int? { tokenizer.id(of: token).map(Int.init) }
    let tokens = BuiltInModel.Tokens(
      vocabularySize: tokenizer.vocabularySize, image: id("<image>") ?? -1, begin: id("<|im_start|>"),
      end: [id("<end_of_utterance>") ?? -1], pad: id("<pad>"))
    let configuration = (role == .student ? BuiltInModel.student : .teacher).configuration(
      view: view == "signal" ? .signal : .image, tokens: tokens)
    self.configuration = configuration
    self.tokenizer = tokenizer
    folder = nil
    viewName = view
    chatTemplate = ""
    side = try Self.ownSide(configuration, tokenizer, view: view, model: "built-in model")
  }

  /// The model of a Hugging Face folder.
  ///
  /// - Parameters:
  ///   - view: nil to take what the folder names, or else `image`.
  ///   - chatTemplate: the template for a folder that does not tell its own (`data.chat_template`).
  /// - Throws: `UserError` where the folder's files are missing, damaged, or do not belong together.
  public init(folder: URL, view: String? = nil, chatTemplate: String = "") throws {
    let named = try PreprocessorSettings.view(in: folder)
    if let view, let named, view != named {
      throw UserError(
        .usage, "\(folder.path) was trained on the \(named) view, the run asks for \(view)",
        remedy: "set data.view to \(named), or use another model")
    }
    configuration = try ModelFolder(folder).configuration
    tokenizer = try BytePairTokenizer(contentsOf: folder)
    viewName = view ?? named ?? "image"
    self.folder = folder
    self.chatTemplate = chatTemplate
    let inputs = FolderInputs(
      folder: folder, configuration: configuration, tokenizer: tokenizer, chatTemplate: chatTemplate)
    switch configuration as? Idefics3Configuration {
    case let idefics3? where named != nil || viewName == "signal":
      side = try Self.ownSide(idefics3, tokenizer, view: viewName, model: folder.path)
    default: side = viewName == "signal" ? try inputs.signalSide() : try inputs.pageSide()
    }
  }

  /// The view and the form of question of the built-in models.
  private static func ownSide(
    _ configuration: Idefics3Configuration, _ tokenizer: BytePairTokenizer, view: String, model: String
  ) throws -> ModelSide {
    let vision = configuration.vision
    let ecgView: any ECGView =
      view == "signal"
      ? try SignalView(
        imageSize: vision.imageSize, patchSize: vision.patchSize, blockSide: configuration.scaleFactor)
      : ImageView(imageSize: vision.imageSize)
    let prompt = try Prompt(tokenizer: tokenizer, imageTokens: configuration.tokensPerImage)
    try tokenizer.check(
      model: model, bound: configuration.text.vocabularySize, imageToken: prompt.format.imageToken,
      expected: configuration.imageToken)
    return ModelSide(view: ecgView, prompt: prompt)
  }

  /// How it sees the images of conversations and reads them.
  /// - Throws: `UserError` where a folder lacks an image processor or chat template, or they do not belong to the model.
  public func conversationSide() throws -> ConversationSide {
    guard let folder else {
      let size = configuration.vision.imageSize
      return ConversationSide(
        processor: try Idefics3ImageProcessor(
          size: .longestEdge(size), tileSide: size, isSplitting: false,
          scaling: PixelScaling(normalisation: .init(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5]))),
        prompt: try ConversationPrompt(
          tokenizer: tokenizer, template: .idefics3(), imageTokens: configuration.imageTokens))
    }
    return try FolderInputs(
      folder: folder, configuration: configuration, tokenizer: tokenizer, chatTemplate: chatTemplate
    ).conversationSide()
  }

  /// Fills an arena with keyed random numbers, and the model's part of it with the folder's weights where there is one.
  func fill(_ arena: ParameterArena<Float>, seed: UInt64) throws {
    arena.initialise(seed: seed)
    if let folder { try ModelFolder(folder).load(into: arena) }
    arena.round(0..<arena.layout.count)
  }

  /// The folder's model with weights of its own that are never trained.
  /// - Parameter precision: with bf16 its matrices are kept in bfloat16 alone.
  public func frozen(seed: UInt64 = 0, precision: Precision = .f32) throws -> any VisionLanguageModel<Float> {
    if let folder {
      return configuration.model(in: try ModelFolder(folder).frozenArena(precision: precision))
    }
    let arena = ParameterArena<Float>(layout: configuration.layout, trainable: false)
    arena.initialise(seed: seed)
    return configuration.model(in: arena)
  }

  /// Writes a Hugging Face folder: configuration, weights in one file, tokenizer, processor and chat template.
  ///
  /// What came from a folder keeps that folder's files byte for byte, but for the type of the weights in config.json and
  /// the view's name where recordings were shown as signal.
  public func save(_ model: any VisionLanguageModel<Float>, to target: URL) throws {
    let imageSize = configuration.vision.imageSize
    guard let folder else {
      try ModelFolder.save(model, to: target, partBytes: .max)
      try tokenizer.write(to: target)
      try PreprocessorSettings.json(imageSize: imageSize, view: viewName)
        .write(to: target.appendingPathComponent(PreprocessorSettings.fileName))
      return
    }
    try ModelFolder.save(model, to: target, like: ModelFolder(folder), partBytes: .max)
    if viewName == "signal" { try PreprocessorSettings.name(viewName, in: target, imageSize: imageSize) }
  }
}
