import Foundation
import Tensors

/// A byte-pair tokenizer read from a Hugging Face `tokenizer.json`; its ids equal those of the `tokenizers` library.
///
/// Text runs through: special tokens found, normalizer, added tokens found, pre-tokenizer, merges, template, all as UTF-8
/// bytes. What the file's truncation and padding entries say is for batching and is not applied.
public struct BytePairTokenizer: Tokenizer {
  public let vocabularySize: Int
  public let fingerprint: String

  private let normalizers: [any Normalizer]
  private let preTokenizers: [any PreTokenizer]
  private let model: BytePairModel
  private let added: AddedTokens
  private let postProcessor: PostProcessor
  private let detokenizer: Detokenizer
  /// The files as they were read, so that a model folder gets the very same bytes.
  private let files: [String: Data]

  /// Reads `tokenizer.json` of a model folder and keeps what lies beside it, or reads the one file that is named.
  /// - Parameter standIn: a special token that is known beside the file's, or in place of one of the same text.
  /// - Throws: `UserError` of kind badInput: missing or damaged file, or a rule that is not supported, named.
  public init(contentsOf url: URL, standIn: StandInToken? = nil) throws {
    var isFolder: ObjCBool = false
    let isFile = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && !isFolder.boolValue
    let json = isFile ? url : url.appendingPathComponent("tokenizer.json")
    var files: [String: Data] = [:]
    files["tokenizer.json"] = try? Data(contentsOf: json)
    guard files["tokenizer.json"] != nil else {
      throw UserError(
        .badInput, "\(url.path): there is no readable tokenizer.json", remedy: Self.remedy(for: url))
    }
    if !isFile {
      for name in ["tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"] {
        files[name] = try? Data(contentsOf: url.appendingPathComponent(name))
      }
    }
    try self.init(files: files, name: json.path, standIn: standIn)
  }

  private static func remedy(for folder: URL) -> String {
    guard FileManager.default.fileExists(atPath: folder.appendingPathComponent("tokenizer.model").path) else {
      return "name a Hugging Face model folder; tokenizers saved in older forms must be saved again as tokenizer.json"
    }
    return "convert its tokenizer.model once (pip install transformers sentencepiece protobuf): python3 -c \"from "
      + "transformers import LlamaTokenizerFast as T; T.from_pretrained('\(folder.path)', add_bos_token=True)"
      + ".save_pretrained('\(folder.path)')\""
  }

  /// Reads the text of a tokenizer.json; `name` is what errors call it.
  public init(json: Data, name: String) throws { try self.init(files: ["tokenizer.json": json], name: name) }

  init(files: [String: Data], name: String, standIn: StandInToken? = nil) throws {
    let json = files["tokenizer.json"] ?? Data()
    let file = try TokenizerFile(json, name: name)
    self.files = files
    fingerprint = Digest.sha256(json + Data((standIn.map { "\n\($0.content) \($0.id)" } ?? "").utf8))
    normalizers = try file.normalizers(file.root["normalizer"])
    var steps = try file.preTokenizers(file.root["pre_tokenizer"])
    postProcessor = try PostProcessor(file)
    model = try BytePairModel(file, spellsBytes: steps.last is ByteSpelling)
    // A model of bytes needs no spelling.
    if model.letters == .bytes { steps.removeLast() }
    preTokenizers = steps
    added = try AddedTokens(file, model: model.tokens, normalizers: normalizers, standIn: standIn)
    detokenizer = Detokenizer(model: model.tokens, added: added, decoders: try file.decoders(file.root["decoder"]))
    vocabularySize = max(model.tokens.idBound, added.tokens.map { Int($0.id) + 1 }.max() ?? 0)
  }

  public func id(of token: String) -> Int32? {
    let bytes = Array(token.utf8)
    return added.id(of: bytes) ?? model.tokens.id(of: bytes)
  }

  public func encode(_ text: String, addingSpecialTokens: Bool) -> [Int32] {
    var ids = addingSpecialTokens ? postProcessor.before : []
    let bytes = Array(text.utf8)
    ids.reserveCapacity(bytes.count / 3 + 8)
    for stretch in added.splitRaw(bytes) {
      if let id = stretch.id {
        ids.append(id)
      } else {
        let isWhole = stretch.range.count == bytes.count
        encodePlain(isWhole ? bytes : Array(bytes[stretch.range]), isAtStart: stretch.range.lowerBound == 0, to: &ids)
      }
    }
    if addingSpecialTokens { ids += postProcessor.after }
    return ids
  }

  private func encodePlain(_ text: [UInt8], isAtStart: Bool, to ids: inout [Int32]) {
    var text = text
    var isAtStart = isAtStart
    for step in normalizers where !text.isEmpty { isAtStart = step.normalize(&text) && isAtStart }
    for part in added.splitNormalized(text) {
      if let id = part.id {
        ids.append(id)
        continue
      }
      var pieces = Pieces(bytes: text, ranges: [part.range], isAtStart: isAtStart && part.range.lowerBound == 0)
      for step in preTokenizers { step.apply(to: &pieces) }
      model.encode(pieces.bytes, pieces.ranges, to: &ids)
    }
  }

  public func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String {
    detokenizer.decode(ids, skippingSpecialTokens: skippingSpecialTokens)
  }

  /// The text of the tokenizer.json with special tokens behind its added tokens, where they are not among them.
  ///
  /// - Throws: `UserError` of kind badInput for a file that is damaged.
  public func json(adding contents: [String], name: String) throws -> Data {
    let root = try JSONValue(parsing: files["tokenizer.json"] ?? Data(), file: name)
    let missing = contents.filter { id(of: $0) == nil }
    let entries = missing.enumerated().map { place, content in
      JSONValue.object([
        (key: "id", value: .integer(vocabularySize + place)), (key: "content", value: .string(content)),
        (key: "single_word", value: .bool(false)), (key: "lstrip", value: .bool(false)),
        (key: "rstrip", value: .bool(false)), (key: "normalized", value: .bool(false)),
        (key: "special", value: .bool(true)),
      ])
    }
    var fields = (root.object ?? []).filter { $0.key != "added_tokens" }
    fields.append((key: "added_tokens", value: .array((root["added_tokens"]?.array ?? []) + entries)))
    return Data((JSONValue.object(fields).text() + "\n").utf8)
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
