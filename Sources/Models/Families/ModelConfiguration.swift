import Autograd
import Foundation
import Tensors

/// Shape of a vision-language model of any family, read from and written to `config.json`.
public protocol ModelConfiguration: Equatable, Sendable {
  /// The family's name for people.
  var familyName: String { get }
  var vision: VisionConfiguration { get }
  var text: DecoderConfiguration { get }
  /// Whether the output head is the token embedding.
  var tiesEmbeddings: Bool { get }
  var imageToken: Int { get }
  var tokens: SpecialTokens { get set }
  /// Visual tokens of one full image.
  var tokensPerImage: Int { get }
  /// What the names of the decoder's tensors begin with, and the name of the output head.
  static var decoderPrefix: String { get }
  static var headName: String { get }
  /// How the names in files become those of the model.
  static var names: TensorNames { get }

  /// Name of the connector's weight: all visual tokens pass it, so every loss has a gradient there.
  var connectorName: String { get }

  /// Appends the model's tensors in the order forward uses them, so that gradients complete from the end in backward.
  func declare(into layout: inout ParameterLayout)

  /// The model whose tensors `declare` put into the arena's layout.
  func model<Element: Scalar>(in arena: ParameterArena<Element>) -> any VisionLanguageModel<Element>

  /// The text of `config.json` as transformers 5 writes it. - Parameter type: of the weights, such as "float32".
  func json(type: String) -> String

  /// Checks that a model can be built. - Throws: `UserError` naming every offending key of `file`.
  func validate(file: String) throws
}

extension ModelConfiguration {
  /// Name of the token embedding, which stands beside the decoder's layers in all families.
  public static var embeddingName: String { decoderPrefix + "embed_tokens.weight" }

  /// Names, shapes and places of the model's tensors.
  public var layout: ParameterLayout {
    var layout = ParameterLayout()
    declare(into: &layout)
    return layout
  }

  /// Numbers that the model's tensors hold.
  public var parameterCount: Int { layout.entries.reduce(0) { $0 + $1.range.count } }

  /// Tokens that end an answer.
  public var endTokens: [Int] {
    get { tokens.end }
    set { tokens.end = newValue }
  }

  public var beginToken: Int? {
    get { tokens.begin }
    set { tokens.begin = newValue }
  }

  public var padToken: Int? {
    get { tokens.pad }
    set { tokens.pad = newValue }
  }

  public func validate() throws { try validate(file: "model configuration") }

  /// The text of a `config.json` with weights in single precision.
  public var json: String { json(type: "float32") }

  /// The text of `generation_config.json`.
  public var generationJSON: String {
    let fields = tokens.fields.filter { $0.value != .null }
    return JSONValue.object(fields.merging(["_from_model_config": .bool(true), "use_cache": .bool(true)]) { $1 }).text()
      + "\n"
  }
}

/// Token ids that begin, end and fill texts.
public struct SpecialTokens: Equatable, Sendable {
  public var begin: Int?
  /// Tokens that end an answer.
  public var end: [Int]
  public var pad: Int?

  public init(begin: Int? = nil, end: [Int] = [], pad: Int? = nil) {
    self.begin = begin
    self.end = end
    self.pad = pad
  }

  /// Reads each key from the top of a configuration, or from its text part where the top does not say.
  init(_ fields: JSONFields, else text: JSONFields?) throws {
    func tokens(_ key: String) throws -> [Int] {
      guard !fields.contains(key), let text else { return try fields.tokens(key) }
      return try text.tokens(key)
    }
    self.init(
      begin: try tokens("bos_token_id").first, end: try tokens("eos_token_id"), pad: try tokens("pad_token_id").first)
  }

  var fields: [String: JSONValue] {
    func token(_ id: Int?) -> JSONValue { id.map { .integer($0) } ?? .null }
    let ends: JSONValue = end.count > 1 ? .array(end.map { .integer($0) }) : token(end.first)
    return ["bos_token_id": token(begin), "eos_token_id": ends, "pad_token_id": token(pad)]
  }
}

/// The families this program knows, by the `model_type` of their `config.json`.
enum ModelFamilies {
  /// Reads the configuration of a folder's `config.json`.
  ///
  /// - Throws: `UserError` naming the file, the key and what was expected.
  static func configuration(in folder: URL) throws -> any ModelConfiguration {
    let fields = try JSONFields(contentsOf: folder.appendingPathComponent("config.json"))
    guard case .string(let type)? = fields.values["model_type"] else { throw unknown(fields) }
    if OriginalLlava.wrote(fields) { return try OriginalLlava.configuration(fields, folder: folder) }
    switch type {
    case "idefics3", "smolvlm": return try Idefics3Configuration(fields)
    case "llava", "llava_next": return try LlavaConfiguration(fields)
    default: throw unknown(fields)
    }
  }

  private static func unknown(_ fields: JSONFields) -> UserError {
    fields.wrong(
      "model_type",
      expected: "\"idefics3\", \"smolvlm\", \"llava\", \"llava_next\", or \"llava_llama\" of the original LLaVA")
  }
}
