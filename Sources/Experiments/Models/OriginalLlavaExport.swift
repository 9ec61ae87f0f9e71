import Corpus
import Foundation
import Models
import Tensors

/// A folder of the original LLaVA as one that transformers loads and runs with images: what llava-hf's conversion does.
///
/// The tokenizer gets `<image>` and `<pad>` as special tokens, embedding and head get rows for them, and the processors,
/// which the original code had in itself, become files.
struct OriginalLlavaExport {
  private static let padToken = "<pad>"
  /// Files that say the same as tokenizer_config.json and tokenizer.json, without the new tokens.
  private static let superseded = ["special_tokens_map.json", "added_tokens.json"]

  private let source: ModelFolder
  private let vocabulary: ExtendedVocabulary
  /// Contents by name.
  private let files: [String: Data]
  /// What ends an answer by a template that the folder did not have.
  private let ends: [Int]

  /// - Throws: `UserError` of kind badInput where tokenizer.json or image processor are missing, damaged or another
  ///   model's.
  init(_ source: ModelFolder) throws {
    self.source = source
    let json = source.url.appendingPathComponent("tokenizer.json").path
    let text = try BytePairTokenizer(contentsOf: source.url).json(
      adding: [ImageTokens.mark, Self.padToken], name: json)
    // Its ids are those that the tokenizers library will give.
    let tokenizer = try BytePairTokenizer(json: text, name: json)
    guard let image = tokenizer.id(of: ImageTokens.mark), let pad = tokenizer.id(of: Self.padToken),
      let vocabulary = ExtendedVocabulary(source, image: Int(image), pad: Int(pad))
    else { throw UserError(.internalFault, "\(source.url.path): a folder of the original LLaVA is a LLaVA") }
    self.vocabulary = vocabulary
    var files = ["tokenizer.json": text, "tokenizer_config.json": Self.data(try Self.tokenizerSettings(source.url))]
    files["preprocessor_config.json"] = Self.data(try Self.imageSettings(source))
    files["processor_config.json"] = Self.data(Self.processorSettings(vocabulary.configuration))
    let isVicuna = vocabulary.configuration.text.family == .llama && tokenizer.id(of: ChatTemplate.vicuna.end) != nil
    let isUntold = try isVicuna && ChatTemplateFile.template(in: source.url, standard: .vicuna).isStandard
    if isUntold { files["chat_template.jinja"] = Data(ChatTemplate.vicuna.jinja.utf8) }
    ends = isUntold ? [ChatTemplate.vicuna.endToken(of: tokenizer)].compactMap { $0 } : []
    self.files = files
  }

  /// - Throws: `UserError` when something cannot be read or written.
  func write(to folder: URL, as type: ModelFolder.StoredType) throws {
    try ModelFolder.save(
      vocabulary.configuration, to: folder, as: type, like: source,
      weights: { entry in [{ try vocabulary.tensor(entry) as Tensor<Float> }] })
    for (name, data) in files { try data.write(to: folder.appendingPathComponent(name), options: .atomic) }
    if !ends.isEmpty { try ModelFolder.endAnswers(at: ends, in: folder, of: vocabulary.configuration) }
    for name in Self.superseded {
      let file = folder.appendingPathComponent(name)
      if FileManager.default.fileExists(atPath: file.path) { try FileManager.default.removeItem(at: file) }
    }
  }

  private static func data(_ fields: [String: JSONValue]) -> Data {
    Data((JSONValue.object(fields).text() + "\n").utf8)
  }

  private static func fields(_ file: URL) throws -> [String: JSONValue] {
    guard let data = try? Data(contentsOf: file) else { return [:] }
    let pairs = try JSONValue(parsing: data, file: file.path).object ?? []
    return Dictionary(pairs.map { ($0.key, $0.value) }) { $1 }
  }

  /// What the folder says of its special tokens, with the new one, for the class that takes tokenizer.json as it stands.
  private static func tokenizerSettings(_ folder: URL) throws -> [String: JSONValue] {
    var result = try fields(folder.appendingPathComponent("special_tokens_map.json"))
      .merging(fields(folder.appendingPathComponent("tokenizer_config.json"))) { $1 }
    result["added_tokens_decoder"] = nil
    result["tokenizer_class"] = .string("PreTrainedTokenizerFast")
    result["pad_token"] = .string(padToken)
    return result
  }

  private static func imageSettings(_ source: ModelFolder) throws -> [String: JSONValue] {
    let side = source.configuration.vision.imageSize
    switch try ImageProcessorFile.processor(in: source.url, towerSide: side) {
    case let processor as LLaVAImageProcessor: return processor.fields
    case let processor as LLaVANextImageProcessor: return processor.fields
    default:
      throw UserError(
        .badInput, "\(source.url.path): preprocessor_config.json is of another family than the model",
        remedy: "remove it, or put that of the model's CLIP tower there")
    }
  }

  private static func processorSettings(_ model: LlavaConfiguration) -> [String: JSONValue] {
    [
      "processor_class": .string(model.tiling == nil ? "LlavaProcessor" : "LlavaNextProcessor"),
      "image_token": .string(ImageTokens.mark), "patch_size": .integer(model.vision.patchSize),
      "vision_feature_select_strategy": .string(model.keepsClassToken ? "full" : "default"),
      "num_additional_image_tokens": .integer(1),
    ]
  }
}
