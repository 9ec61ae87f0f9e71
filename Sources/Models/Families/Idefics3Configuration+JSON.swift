import Autograd
import Foundation
import Tensors

extension Idefics3Configuration {
  /// Reads a `config.json` as transformers 4 and 5 write it; keys left at their defaults may be absent.
  ///
  /// - Throws: `UserError` naming the file, the key and what was expected: another architecture, an impossible value, or
  ///   a setting this program refuses.
  public init(contentsOf url: URL) throws { try self.init(JSONFields(contentsOf: url)) }

  init(_ fields: JSONFields) throws {
    guard case .string(let type)? = fields.values["model_type"], let name = Name(rawValue: type) else {
      throw fields.wrong("model_type", expected: "\"idefics3\" or \"smolvlm\" (Idefics3ForConditionalGeneration)")
    }
    self.name = name
    vision = try .siglip(fields.object("vision_config"))
    let textFields = try fields.object("text_config")
    text = try Text(textFields)
    scaleFactor = try fields.integer("scale_factor", standard: 2)
    tiesEmbeddings = try fields.flag("tie_word_embeddings", standard: false)
    imageToken = try fields.integer("image_token_id", in: 0...(1 << 31), standard: 128_257)
    tokens = try SpecialTokens(fields, else: textFields)
    try validate(file: fields.file)
  }

  public func json(type: String) -> String {
    let special = tokens.fields
    return JSONValue.object([
      "architectures": .array([.string("\(architecture)ForConditionalGeneration")]),
      "model_type": .string(name.rawValue),
      "dtype": .string(type),
      "image_token_id": .integer(imageToken),
      "pad_token_id": special["pad_token_id"] ?? .null,
      "scale_factor": .integer(scaleFactor),
      "tie_word_embeddings": .bool(tiesEmbeddings),
      "use_cache": .bool(true),
      "vision_config": .object(vision.fields(modelType: "\(name.rawValue)_vision")),
      "text_config": .object(
        text.fields.merging(special) { $1 }.merging(["tie_word_embeddings": .bool(tiesEmbeddings)]) { $1 }),
    ]).text() + "\n"
  }

  private var architecture: String {
    switch name {
    case .idefics3: "Idefics3"
    case .smolvlm: "SmolVLM"
    }
  }
}
