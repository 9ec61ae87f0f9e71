import Foundation
import Tensors

/// Reads conversations in the form of LLaVA: a JSON list, or one JSON object a line.
///
/// An entry has `conversations` (or `conversation`): a list of {from, value}, {role, content} or {question, answer}.
/// The human side is called human or user, the other gpt or assistant, and a system turn may come first; the sides take
/// turns and the human begins. A value that is a list of strings is joined by ", ". `image` is a path, a list of paths,
/// or absent; where it is absent or no path, as in Hugging Face's copies of data sets with the picture in the row, `image_path`
/// is looked at. `<image>` marks the turn an image belongs to; wherever it stands in the turn, the image is shown before the
/// text, as LLaVA does. Without any mark the images belong to the first human turn. `id` may be text or a number; without
/// one the entry's number is taken. Other keys are not looked at.
public enum ConversationFile {
  /// The mark of an image within a turn.
  public static let imageMark = "<image>"

  /// - Throws: `UserError` of kind badInput naming file, entry (from 1) and key.
  public static func conversations(in file: URL) throws -> [Conversation] {
    guard let data = try? Data(contentsOf: file) else {
      throw UserError(
        .inputOutput, "\(file.path): no such file of conversations, or not readable", remedy: "check the path")
    }
    return try conversations(in: data, name: file.path)
  }

  static func conversations(in data: Data, name: String) throws -> [Conversation] {
    let first = data.first { ![0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF].contains($0) }
    let entries: [JSONValue]
    switch first {
    case UInt8(ascii: "["): entries = try JSONValue(parsing: data, file: name).array ?? []
    case UInt8(ascii: "{"):
      entries = try data.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated().compactMap {
        number, line in
        line.contains { ![0x20, 0x09, 0x0D].contains($0) }
          ? try JSONValue(parsing: Data(line), file: "\(name), line \(number + 1)") : nil
      }
    default:
      throw UserError(
        .badInput, "\(name): neither a JSON list nor JSON objects line by line",
        remedy: "give conversations in the form of LLaVA (docs/data-conversations.md)")
    }
    guard !entries.isEmpty else {
      throw UserError(.badInput, "\(name): there is no conversation in the file", remedy: "check data.path")
    }
    return try entries.enumerated().map { try ConversationEntry($0.element, number: $0.offset + 1, file: name).read() }
  }
}

/// One entry while it is read.
private struct ConversationEntry {
  let value: JSONValue
  let place: String
  let id: String

  init(_ value: JSONValue, number: Int, file: String) throws {
    self.value = value
    let given = value["id"].flatMap { id in id.string ?? id.integer.map(String.init) }
    id = given ?? "\(number)"
    place = "\(file), entry \(number)" + (given.map { " (id \($0))" } ?? "")
    guard value.object != nil else { throw failure("it is not a JSON object") }
  }

  func failure(_ what: String) -> UserError {
    UserError(
      .badInput, "\(place): \(what)", remedy: "correct the entry or leave it out (docs/data-conversations.md)")
  }

  func read() throws -> Conversation {
    let images = try images()
    var turns = try turns()
    let shown = turns.reduce(0) { $0 + $1.images }
    if shown == 0, !images.isEmpty, let first = turns.firstIndex(where: { $0.role == .human }) {
      turns[first] = Conversation.Turn(.human, turns[first].text, images: images.count)
    } else if shown != images.count {
      throw failure("\(shown) \(ConversationFile.imageMark) marks for \(images.count) images")
    }
    return Conversation(id: id, images: images, turns: turns, place: place)
  }

  private func images() throws -> [String] {
    let given = value["image"].flatMap { $0.isNull ? nil : $0 }
    let isPath = given.map { $0.object == nil } ?? false
    let key = isPath || value["image_path"] == nil ? "image" : "image_path"
    guard let image = value[key], !image.isNull else { return [] }
    let paths = image.array.map { $0.map(\.string) } ?? [image.string]
    let named = paths.compactMap { $0 }
    guard named.count == paths.count else { throw failure("\(key): neither a path nor a list of paths") }
    if image.string == "" { return [] }
    guard !named.contains("") else { throw failure("\(key): an empty path") }
    return named
  }

  private func turns() throws -> [Conversation.Turn] {
    let key = value["conversations"] == nil && value["conversation"] != nil ? "conversation" : "conversations"
    guard let list = value[key]?.array, !list.isEmpty else {
      throw failure("\(key): a list of turns is missing or empty")
    }
    var turns: [Conversation.Turn] = []
    for (number, item) in list.enumerated() {
      let path = "\(key)[\(number)]"
      if item["question"] != nil {
        turns.append(try turn(.human, item["question"], "\(path).question"))
        turns.append(try turn(.assistant, item["answer"], "\(path).answer"))
      } else {
        let (name, content) = item["role"] == nil ? ("from", "value") : ("role", "content")
        turns.append(try turn(try role(item[name], "\(path).\(name)"), item[content], "\(path).\(content)"))
      }
    }
    try checkOrder(turns, key)
    return turns
  }

  private func role(_ value: JSONValue?, _ path: String) throws -> Conversation.Turn.Role {
    switch value?.string {
    case "human", "user": return .human
    case "gpt", "assistant": return .assistant
    case "system": return .system
    case nil: throw failure("\(path): the speaker is missing")
    case let other?: throw failure("\(path): \"\(other)\" is none of human, user, gpt, assistant, system")
    }
  }

  private func turn(
    _ role: Conversation.Turn.Role, _ value: JSONValue?, _ path: String
  ) throws -> Conversation.Turn {
    let parts = value?.array.map { $0.compactMap(\.string) }
    guard let text = value?.string ?? parts?.joined(separator: ", "),
      parts == nil || parts?.count == value?.array?.count
    else { throw failure("\(path): neither a text nor a list of texts") }
    let pieces = text.split(separator: ConversationFile.imageMark, omittingEmptySubsequences: false)
    guard role == .human || pieces.count == 1 else {
      throw failure("\(path): \(ConversationFile.imageMark) outside of a human turn")
    }
    let bare = pieces.joined().trimmingCharacters(in: .whitespacesAndNewlines)
    guard !bare.isEmpty || role == .human && pieces.count > 1 else { throw failure("\(path): the text is empty") }
    return Conversation.Turn(role, bare, images: pieces.count - 1, parts: parts)
  }

  private func checkOrder(_ turns: [Conversation.Turn], _ key: String) throws {
    let start = turns.first?.role == .system ? 1 : 0
    for (number, turn) in turns.enumerated().dropFirst(start) {
      let expected: Conversation.Turn.Role = (number - start) % 2 == 0 ? .human : .assistant
      guard turn.role == expected else {
        throw failure("\(key), turn \(number + 1): \(turn.role.rawValue) speaks where \(expected.rawValue) should")
      }
    }
    guard turns.count > start else { throw failure("\(key): nobody speaks") }
  }
}
