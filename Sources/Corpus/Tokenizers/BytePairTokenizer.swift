import Foundation
import Tensors

/// A byte-pair tokenizer read from a Hugging Face `tokenizer.json`; its ids equal those of the `tokenizers` library.
///
/// Text runs through: special tokens found, normalizer, added tokens found, pre-tokenizer, merges, template. What the
/// file's truncation and padding entries say is for batching and is not applied.
public struct BytePairTokenizer: Tokenizer {
  public let vocabularySize: Int
  public let fingerprint: String

  private let normalizer: (any Normalizer)?
  private let preTokenizer: (any PreTokenizer)?
  private let model: BytePairModel
  private let added: AddedTokens
  private let addedIds: [Scalars: Int32]
  private let addedContents: [Int32: Scalars]
  private let postProcessor: PostProcessor
  private let decoder: (any TokenDecoder)?
  /// The files as they were read, so that a model folder gets the very same bytes.
  private let files: [String: Data]

  /// Reads `tokenizer.json` (and keeps `tokenizer_config.json`) of a model folder.
  /// - Throws: `UserError` of kind badInput: missing or damaged file, or a rule that is not supported, named.
  public init(contentsOf folder: URL) throws {
    var files: [String: Data] = [:]
    for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"] {
      files[name] = try? Data(contentsOf: folder.appendingPathComponent(name))
    }
    guard files["tokenizer.json"] != nil else {
      throw UserError(
        .badInput, "\(folder.path): there is no readable tokenizer.json",
        remedy:
          "name a Hugging Face model folder; tokenizers saved in older forms must be saved again as tokenizer.json")
    }
    try self.init(files: files, name: folder.appendingPathComponent("tokenizer.json").path)
  }

  /// Reads the text of a tokenizer.json; `name` is what errors call it.
  public init(json: Data, name: String) throws { try self.init(files: ["tokenizer.json": json], name: name) }

  init(files: [String: Data], name: String) throws {
    let json = files["tokenizer.json"] ?? Data()
    let file = try TokenizerFile(json, name: name)
    self.files = files
    fingerprint = Digest.sha256(json)
    normalizer = try file.normalizer(file.root["normalizer"])
    preTokenizer = try file.preTokenizer(file.root["pre_tokenizer"])
    decoder = try file.decoder(file.root["decoder"])
    postProcessor = try PostProcessor(file)
    model = try BytePairModel(file)
    added = try AddedTokens(file, normalizer: normalizer)
    var ids: [Scalars: Int32] = [:]
    var contents: [Int32: Scalars] = [:]
    for token in added.tokens {
      let known = model.ids[token.content]
      guard known == nil || known == token.id, (model.tokens[token.id] ?? token.content) == token.content else {
        throw file.damaged("added token \"\(String(token.content))\" and the vocabulary disagree on id \(token.id)")
      }
      ids[token.content] = token.id
      contents[token.id] = token.content
    }
    addedIds = ids
    addedContents = contents
    vocabularySize = Int(max(model.tokens.keys.max() ?? -1, contents.keys.max() ?? -1)) + 1
  }

  public func id(of token: String) -> Int32? {
    let scalars = Scalars(token.unicodeScalars)
    return addedIds[scalars] ?? model.ids[scalars]
  }

  public func encode(_ text: String, addingSpecialTokens: Bool) -> [Int32] {
    var ids: [Int32] = []
    for stretch in added.splitRaw(Scalars(text.unicodeScalars)) {
      if let id = stretch.id {
        ids.append(id)
        continue
      }
      var plain = stretch.text
      if let normalizer { plain = Scalars(normalizer.normalize(String(plain)).unicodeScalars) }
      for part in added.splitNormalized(plain) {
        if let id = part.id {
          ids.append(id)
          continue
        }
        for piece in preTokenizer?.split(part.text) ?? [part.text] { ids += model.encode(piece) }
      }
    }
    return addingSpecialTokens ? postProcessor.apply(ids) : ids
  }

  public func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String {
    let tokens = ids.compactMap { id -> Scalars? in
      if skippingSpecialTokens, added.isSpecial(id) { return nil }
      return addedContents[id] ?? model.tokens[id]
    }
    guard let decoder else { return tokens.map { String($0) }.joined(separator: " ") }
    return String(decoder.decode(tokens).joined())
  }

  /// Writes the tokenizer's files, byte for byte as they were read, into a model folder.
  public func write(to folder: URL) throws {
    for (name, data) in files {
      let target = folder.appendingPathComponent(name)
      do {
        try data.write(to: target, options: .atomic)
      } catch {
        throw UserError(
          .inputOutput, "\(target.path): cannot be written: \(error.localizedDescription)",
          remedy: "check free space and permissions")
      }
    }
  }
}
