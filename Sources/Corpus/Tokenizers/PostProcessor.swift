import Foundation
import Tensors

/// The special tokens put around a single text (`post_processor` of tokenizer.json).
struct PostProcessor: Sendable {
  private(set) var before: [Int32] = []
  private(set) var after: [Int32] = []

  func apply(_ ids: [Int32]) -> [Int32] { before + ids + after }

  init(_ file: TokenizerFile) throws { try add(file.root["post_processor"], file) }

  private mutating func add(_ value: JSONValue?, _ file: TokenizerFile) throws {
    guard let value, !value.isNull else { return }
    switch try file.type(of: value, in: "post_processor") {
    case "ByteLevel": return
    case "TemplateProcessing": try addTemplate(value, file)
    case "RobertaProcessing", "BertProcessing":
      before = [try Self.id(value, "cls", file)] + before
      after.append(try Self.id(value, "sep", file))
    case "Sequence": for step in try file.list(value, "processors") { try add(step, file) }
    case let other: throw file.unsupported("post-processor \"\(other)\"")
    }
  }

  /// The id in a pair of token and id.
  private static func id(_ value: JSONValue, _ key: String, _ file: TokenizerFile) throws -> Int32 {
    guard let pair = value[key]?.array, pair.count == 2, let id = pair[1].integer, id >= 0 else {
      throw file.damaged("\"\(key)\" must be a token and its id")
    }
    return Int32(id)
  }

  private mutating func addTemplate(_ value: JSONValue, _ file: TokenizerFile) throws {
    var leading: [Int32] = []
    var trailing: [Int32] = []
    var texts = 0
    for item in try file.list(value, "single") {
      if item["Sequence"] != nil {
        texts += 1
      } else if let name = item["SpecialToken"]?["id"]?.string,
        let ids = value["special_tokens"]?[name]?["ids"]?.array?.map({ $0.integer }),
        ids.allSatisfy({ ($0 ?? -1) >= 0 })
      {
        let ids = ids.compactMap { $0.map { Int32($0) } }
        if texts == 0 { leading += ids } else { trailing += ids }
      } else {
        throw file.damaged("the template of special tokens is incomplete")
      }
    }
    guard texts == 1 else { throw file.damaged("the template of special tokens must hold the text once") }
    before = leading + before
    after += trailing
  }
}
