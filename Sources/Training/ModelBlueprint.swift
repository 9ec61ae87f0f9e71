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
  private let recordings: Result<ModelSide, any Error>
  /// `signal`, `leads` or `image`.
  public let viewName: String
  /// Hugging Face folder the weights come from; nil for a built-in model.
  public let folder: URL?
  /// Templates named by the user.
  private let chatTemplate: ChatTemplateRule

  /// A built-in tiny model.
  public init(builtIn role: BuiltInRole, view: String) throws {
    let tokenizer = try BytePairTokenizer(role == .student ? .student : .teacher)
    try self.init(
      (role == .student ? BuiltInModel.student : .teacher).configuration(
        view: BuiltInModel.View(rawValue: view) ?? .image, tokens: Self.tokens(of: tokenizer)),
      tokenizer, view: view, model: "built-in model")
  }

  /// A model with random weights, the shape of a folder's config.json, and tokenizer and form of question of the built-in
  /// student.
  /// - Throws: `UserError` for a configuration that is not of the Idefics3 family or cannot be shown the view.
  public init(shape folder: URL, view: String) throws {
    let tokenizer = try BytePairTokenizer(.student)
    let tokens = Self.tokens(of: tokenizer)
    var configuration = try Idefics3Configuration(contentsOf: folder.appendingPathComponent("config.json"))
    guard configuration.text.vocabularySize >= tokens.vocabularySize else {
      throw UserError(
        .badInput,
        "\(folder.path): vocab_size is \(configuration.text.vocabularySize), the built-in tokenizer has "
          + "\(tokens.vocabularySize) tokens",
        remedy: "name another shape")
    }
    configuration.imageToken = tokens.image
    configuration.tokens = SpecialTokens(begin: tokens.begin, end: tokens.end, pad: tokens.pad)
    try self.init(configuration, tokenizer, view: view, model: folder.path)
  }

  /// A model with random weights that is shown recordings and asked as the built-in ones are.
  private init(
    _ configuration: Idefics3Configuration, _ tokenizer: BytePairTokenizer, view: String, model: String
  ) throws {
    self.configuration = configuration
    self.tokenizer = tokenizer
    folder = nil
    viewName = view
    chatTemplate = ChatTemplateRule()
    recordings = .success(
      try Self.ownSide(configuration, tokenizer, view: view, scaling: Self.ownScaling, model: model))
  }

  private static func tokens(of tokenizer: BytePairTokenizer) -> BuiltInModel.Tokens {
    func id(_ token: String) -> Int? { tokenizer.id(of: token).map(Int.init) }
    return BuiltInModel.Tokens(
      vocabularySize: tokenizer.vocabularySize, image: id("<image>") ?? -1, begin: id("<|im_start|>"),
      end: [id("<end_of_utterance>") ?? -1], pad: id("<pad>"))
  }

  /// The model of a Hugging Face folder.
  ///
  /// - Parameters:
  ///   - view: nil to take what the folder names, or else `image`.
  ///   - chatTemplate: templates beside, or in place of, the folder's own.
  /// - Throws: `UserError` where the folder's files are missing, damaged, or do not belong together.
  public init(folder: URL, view: String? = nil, chatTemplate: ChatTemplateRule = ChatTemplateRule()) throws {
    let named = try PreprocessorSettings.view(in: folder)
    if let view, let named, view != named {
      throw UserError(
        .usage, "\(folder.path) was trained on the \(named) view, the run asks for \(view)",
        remedy: "set data.view to \(named), or use another model")
    }
    configuration = try ModelFolder(folder).configuration
    // The original LLaVA cut texts at "<image>" itself: its tokenizers need not know it.
    tokenizer = try BytePairTokenizer(
      contentsOf: folder,
      standIn: ModelFolder.isOriginalLlava(folder)
        ? StandInToken(ImageTokens.mark, id: configuration.imageToken, key: "image_token_index") : nil)
    viewName = view ?? named ?? "image"
    self.folder = folder
    self.chatTemplate = chatTemplate
    let inputs = FolderInputs(
      folder: folder, configuration: configuration, tokenizer: tokenizer, chatTemplate: chatTemplate)
    switch configuration as? Idefics3Configuration {
    case let idefics3? where named != nil || Self.isPacked(viewName):
      let scaling = Self.isPacked(viewName) ? Self.ownScaling : try inputs.processor().scaling
      recordings = .success(
        try Self.ownSide(idefics3, tokenizer, view: viewName, scaling: scaling, model: folder.path))
    default: recordings = Self.isPacked(viewName) ? .success(try inputs.signalSide(viewName)) : try inputs.pageSide()
    }
  }

  /// How recordings are shown to it and asked about.
  /// - Throws: `UserError` where the model can read conversations, but not the questions about recordings.
  public var side: ModelSide { get throws { try recordings.get() } }

  /// Whether it sees recordings as packed signal.
  private static func isPacked(_ view: String) -> Bool { view != "image" }

  /// Whether recordings are asked about in the built-in models' form of question, without a chat template.
  public var isAskedInBuiltInForm: Bool { (try? side.prompt) is Prompt }

  /// How pictures are scaled for a model of no folder, which has yet to learn from them.
  private static let ownScaling = PixelScaling(normalisation: .ecgPaper)

  /// The view and the form of question of the built-in models.
  private static func ownSide(
    _ configuration: Idefics3Configuration, _ tokenizer: BytePairTokenizer, view: String, scaling: PixelScaling,
    model: String
  ) throws -> ModelSide {
    let vision = configuration.vision
    let ecgView: any ECGView =
      view == "image"
      ? ImageView(imageSize: vision.imageSize, scaling: scaling)
      : try FolderInputs.packedView(
        view, imageSize: vision.imageSize, patchSize: vision.patchSize, blockSide: configuration.scaleFactor)
    let prompt = try Prompt(tokenizer: tokenizer, imageTokens: configuration.tokensPerImage)
    try tokenizer.check(
      model: model, bound: configuration.text.vocabularySize, imageToken: prompt.format.imageToken,
      expected: configuration.imageToken)
    return ModelSide(view: ecgView, prompt: prompt)
  }

  /// What a user should know of how the model is asked; nil where its own files say it with one voice, or the user does.
  ///
  /// - Parameter inConversations: whether it is shown conversations, which even a model in the built-in ones' form of
  ///   question reads by a template.
  public func remark(inConversations: Bool) throws -> String? {
    guard let inputs = folderInputs else { return nil }
    if !inConversations, isAskedInBuiltInForm {
      return chatTemplate.named.isEmpty
        ? nil : "\(inputs.folder.path): it is asked in the built-in form of question; no chat template is used"
    }
    let (template, isStandard) = try inputs.template()
    guard isStandard else {
      let isTold = chatTemplate.named.isEmpty && ChatTemplateFile.told(in: inputs.folder) == template
      return try isTold ? ChatTemplateFile.disagreement(in: inputs.folder).map { "\(inputs.folder.path): \($0)" } : nil
    }
    return "\(inputs.folder.path): its files hold no chat template; it is asked in the form of its family, "
      + "\(template.name)"
  }

  /// The template it is asked by where its folder's own files tell another, or none: what a folder written of it has to
  /// hold, so that others ask it as it was trained.
  private func untoldTemplate(inConversations: Bool) throws -> ChatTemplate? {
    guard let inputs = folderInputs, inConversations || !isAskedInBuiltInForm else { return nil }
    let template = try inputs.template().template
    return ChatTemplateFile.told(in: inputs.folder) == template ? nil : template
  }

  /// Gives a written folder the template it is asked by, and what ends an answer in it, where the model's own folder tells
  /// another template or none.
  ///
  /// - Parameter inConversations: as of `remark`.
  /// - Throws: file errors as they come.
  public func tellTemplate(in target: URL, inConversations: Bool) throws {
    guard let template = try untoldTemplate(inConversations: inConversations) else { return }
    try ChatTemplateFile.write(template.jinja, in: target)
    guard let end = template.endToken(of: tokenizer) else { return }
    try ModelFolder.endAnswers(at: [end], in: target, of: configuration, like: folder)
  }

  /// How a folder's files have images and texts prepared; nil for a built-in model.
  var folderInputs: FolderInputs? {
    folder.map {
      FolderInputs(folder: $0, configuration: configuration, tokenizer: tokenizer, chatTemplate: chatTemplate)
    }
  }

  /// How it sees the images of conversations and reads them.
  /// - Throws: `UserError` where a folder lacks an image processor or chat template, or they do not belong to the model.
  public func conversationSide() throws -> ConversationSide {
    guard let folderInputs else {
      let size = configuration.vision.imageSize
      return ConversationSide(
        processor: try Idefics3ImageProcessor(
          size: .longestEdge(size), tileSide: size, isSplitting: false,
          scaling: Self.ownScaling),
        prompt: try ConversationPrompt(
          tokenizer: tokenizer, template: .idefics3(), imageTokens: configuration.imageTokens))
    }
    return try folderInputs.conversationSide()
  }

  /// Fills an arena with keyed random numbers, and what it holds of the model with the folder's weights where there is
  /// one.
  func fill(_ arena: ParameterArena<Float>, seed: UInt64) throws {
    arena.initialise(seed: seed)
    if let folder { try ModelFolder(folder).load(into: arena) }
  }

  /// Weights that are never trained: as the folder's `frozenArena` keeps them, or random ones, with bf16 in bfloat16.
  /// - Parameters:
  ///   - part: the tensors wanted.
  ///   - roundsF32: as there.
  ///   - keep: as there.
  func frozenArena(
    seed: UInt64, precision: Precision, part: ParameterLayout, roundsF32: Bool = false,
    keep: ParameterArena<Float>.Keep = { try $1() }
  ) throws -> ParameterArena<Float> {
    guard let folder else {
      return try ParameterArena(frozen: part) { entry in
        try keep(entry) { KeptWeights(random: entry, seed: seed, precision: precision) }
      }
    }
    return try ModelFolder(folder).frozenArena(precision: precision, part: part, roundsF32: roundsF32, keep: keep)
  }

  /// The tensors that `frozenArena`, with `roundsF32`, copies or makes.
  func copiedEntries(of part: ParameterLayout, precision: Precision) throws -> [ParameterLayout.Entry] {
    guard let folder else { return part.entries }
    return try ModelFolder(folder).copiedEntries(precision: precision, part: part, roundsF32: true)
  }

  /// The model with weights that are never trained, a folder's where they lie in its files.
  /// - Parameter precision: of the products they are for.
  public func frozen(seed: UInt64 = 0, precision: Precision = .f32) throws -> any VisionLanguageModel<Float> {
    configuration.model(in: try frozenArena(seed: seed, precision: precision, part: configuration.layout))
  }

  /// Writes a Hugging Face folder: configuration, weights in one file, tokenizer, processor and chat template.
  ///
  /// What came from a folder keeps that folder's files byte for byte, but for the type of the weights in config.json, the
  /// view's name where recordings were shown as signal, and, where it is asked by another chat template, that one and what
  /// ends an answer.
  /// - Parameter inConversations: as of `remark`.
  public func save(_ model: any VisionLanguageModel<Float>, to target: URL, inConversations: Bool = false) throws {
    try save(to: target, inConversations: inConversations) { [arena = model.arena] entry in
      [{ arena.effectiveValue(of: entry.name) }]
    }
  }

  /// The same of weights that are asked for one after another, each in consecutive pieces.
  func save(
    to target: URL, inConversations: Bool, weights: @escaping ModelFolder.Pieces<Float>
  ) throws {
    let imageSize = configuration.vision.imageSize
    guard let folder else {
      try ModelFolder.save(configuration, to: target, as: .float32, partBytes: .max, weights: weights)
      try tokenizer.write(to: target)
      try PreprocessorSettings.json(imageSize: imageSize, view: viewName, normalisation: .ecgPaper)
        .write(to: target.appendingPathComponent(PreprocessorSettings.fileName))
      return
    }
    try ModelFolder.save(
      configuration, to: target, as: .float32, like: ModelFolder(folder), partBytes: .max, weights: weights)
    if Self.isPacked(viewName) { try PreprocessorSettings.name(viewName, in: target, imageSize: imageSize) }
    try tellTemplate(in: target, inConversations: inConversations)
  }
}
