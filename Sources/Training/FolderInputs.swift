import Corpus
import Foundation
import Models
import Tensors

/// How a Hugging Face folder has images and texts prepared: its own image processor, tokenizer and chat template, held
/// against the model they are to feed.
struct FolderInputs {
  let folder: URL
  let configuration: any ModelConfiguration
  let tokenizer: BytePairTokenizer
  let chatTemplate: ChatTemplateRule

  /// Images and conversations of any kind.
  /// - Throws: `UserError` of kind badInput: a file is missing, or processor, tokenizer and model do not belong together.
  func conversationSide() throws -> ConversationSide {
    let processor = try processor()
    let splits = (processor as? Idefics3ImageProcessor)?.isSplitting ?? false
    return ConversationSide(processor: processor, prompt: try prompt(splitsImages: splits))
  }

  /// The folder's image processor.
  /// - Throws: `UserError` of kind badInput where it is missing, damaged, or another model's.
  func processor() throws -> any ImageProcessor {
    let towerSide = ModelFolder.isOriginalLlava(folder) ? configuration.vision.imageSize : nil
    let processor = try ImageProcessorFile.processor(in: folder, towerSide: towerSide)
    try check(processor)
    return processor
  }

  /// Recordings drawn on a page of ECG paper, as any picture. A failure is the questions' about such a page alone:
  /// conversations do not meet it.
  /// - Throws: as `conversationSide`.
  func pageSide() throws -> Result<ModelSide, any Error> {
    let side = try conversationSide()
    let view = ECGPageView(processor: side.processor)
    return Result { ModelSide(view: view, prompt: try TemplatePrompt(side.prompt, image: view.geometry)) }
  }

  /// Recordings as packed signal, of all leads or of one, which is one square image.
  /// - Throws: `UserError` of kind usage for a model that cuts every image into tiles.
  func signalSide(_ view: String) throws -> ModelSide {
    if case .llavaNext = configuration.imageTokens {
      throw UserError(
        .usage,
        "\(folder.path): the view \(view) is one square image, and \(configuration.familyName) cuts every image",
        remedy: "set data.view to image")
    }
    let vision = configuration.vision
    let packed = try Self.packedView(
      view, imageSize: vision.imageSize, patchSize: vision.patchSize, blockSide: configuration.blockSide)
    return ModelSide(
      view: packed, prompt: try TemplatePrompt(try prompt(splitsImages: false), image: packed.geometry))
  }

  /// The view of packed signal that `data.view` names.
  static func packedView(_ view: String, imageSize: Int, patchSize: Int, blockSide: Int) throws -> any ECGView {
    view == "leads"
      ? try LeadView(imageSize: imageSize, patchSize: patchSize, blockSide: blockSide)
      : try SignalView(imageSize: imageSize, patchSize: patchSize, blockSide: blockSide)
  }

  private func prompt(splitsImages: Bool) throws -> ConversationPrompt {
    // An image token past the vocabulary is no row of the embedding, but an id all the same.
    let bound = max(configuration.text.vocabularySize, configuration.imageToken + 1)
    do {
      let prompt = try ConversationPrompt(
        tokenizer: tokenizer, template: try template().template, imageTokens: configuration.imageTokens,
        splitsImages: splitsImages)
      try tokenizer.check(
        model: folder.path, bound: bound, imageToken: ImageTokens.mark, expected: configuration.imageToken)
      return prompt
    } catch let error as UserError {
      guard !error.message.contains(folder.path) else { throw error }
      throw UserError(error.kind, "\(folder.path): \(error.message)", remedy: error.remedy)
    }
  }

  /// The template that the model is asked by, and whether it is only its family's.
  /// - Throws: `UserError` of kind badInput where neither folder nor family tells one.
  func template() throws -> (template: ChatTemplate, isStandard: Bool) {
    try ChatTemplateFile.template(in: folder, chatTemplate, standard: familyTemplate)
  }

  /// What models of the family are trained with; nil where its decoders differ too much to say, or the tokenizer lacks
  /// the template's tokens.
  private var familyTemplate: ChatTemplate? {
    func has(_ token: String) -> Bool { tokenizer.id(of: token) != nil }
    if configuration is Idefics3Configuration {
      let template = ChatTemplate.idefics3(opening: ["<|im_start|>", "<|begin_of_text|>"].first(where: has) ?? "")
      return template.markers.allSatisfy(has) ? template : nil
    }
    return configuration.text.family == .llama && ChatTemplate.vicuna.markers.allSatisfy(has) ? .vicuna : nil
  }

  /// Refuses a processor whose tiles become another number of tokens than the text will hold.
  private func check(_ processor: any ImageProcessor) throws {
    let side = configuration.vision.imageSize
    guard processor.tile == PixelSize(width: side, height: side) else {
      throw UserError(
        .badInput,
        "\(folder.path): the image processor makes tiles of \(processor.tile.width) x \(processor.tile.height) pixels, "
          + "the vision tower of config.json takes \(side) x \(side)",
        remedy: "put the preprocessor_config.json that belongs to the model into its folder")
    }
    guard configuration is Idefics3Configuration, let stated = try ImageProcessorFile.statedTokens(in: folder) else {
      return
    }
    guard stated == configuration.tokensPerImage else {
      throw UserError(
        .badInput,
        "\(folder.path): processor_config.json has image_seq_len \(stated), but config.json makes "
          + "\(configuration.tokensPerImage) visual tokens of a tile",
        remedy: "put the processor_config.json that belongs to the model into its folder")
    }
  }
}

extension ModelConfiguration {
  /// How many visual tokens an image has, and the text around them.
  var imageTokens: ImageTokens {
    guard let llava = self as? LlavaConfiguration else { return .idefics3(perTile: tokensPerImage) }
    return llava.tiling == nil ? .llava(perImage: llava.tokensPerTile) : .llavaNext(patch: llava.vision.patchSize)
  }

  /// Side, in patches, of the block that becomes one visual token.
  var blockSide: Int { (self as? Idefics3Configuration)?.scaleFactor ?? 1 }
}
