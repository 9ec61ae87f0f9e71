import Foundation
import Tensors

/// One question of ECG-QA about one or two recordings of PTB-XL.
public struct ECGQAQuestion: Sendable, Equatable {
  /// `sample_id`, unique in its split.
  public let id: String
  public let template: Int
  /// `single-verify`, `comparison_irrelevant-query` and the like.
  public let kind: String
  public let question: String
  /// The true options as the file has them; "none", or nothing, where none holds.
  public let answers: [String]
  /// `ecg_id` of one recording, or of the first and the second.
  public let recordings: [String]
  /// What may be answered, without "none".
  public let options: [String]

  /// Whether it is answered by yes or no alone.
  public var isVerification: Bool { kind.hasSuffix("-verify") }

  /// Question and options as ECG-QA's and ECGBench's evaluations ask them.
  public var prompt: String {
    "Question: \(question)\nOptions: " + offered.joined(separator: ", ")
      + "\n\nOnly answer based on the given Options without any explanation."
  }

  /// The options with "None", where none of them may hold.
  public var offered: [String] { options + (isVerification ? [] : ["None"]) }
}

/// The questions of one split of ECG-QA, from its official folder: `template/` or `paraphrased/` with `train`, `valid` and
/// `test` (each a JSON file or a folder of such), and `answers_for_each_template.csv`.
///
/// Source: Oh et al., "ECG-QA: a comprehensive question answering dataset combined with electrocardiogram", 2023.
public struct ECGQAQuestions: Sendable {
  /// How the questions are worded.
  public enum Wording: String, CaseIterable, Sendable { case template, paraphrased }
  public enum Split: String, CaseIterable, Sendable { case train, valid, test }

  public let questions: [ECGQAQuestion]
  private let folder: URL

  /// - Throws: `UserError` naming the file that is missing, or file, entry and key.
  public init(folder: URL, wording: Wording, split: Split) throws {
    self.folder = folder
    let table = folder.appendingPathComponent("answers_for_each_template.csv")
    guard FileManager.default.fileExists(atPath: table.path) else {
      throw UserError(
        FileManager.default.fileExists(atPath: folder.path) ? .badInput : .inputOutput,
        "\(folder.path): there is no \(table.lastPathComponent)",
        remedy:
          "give the folder of ECG-QA's PTB-XL part (ecgqa/ptbxl), which holds it beside template/ and paraphrased/")
    }
    let options = try Self.options(CSVTable(contentsOf: table))
    questions = try Self.files(folder.appendingPathComponent(wording.rawValue), split).flatMap { file in
      let entries = try JSONValue(parsing: try Self.data(file), file: file.path).array
      guard let entries else {
        throw UserError(.badInput, "\(file.path): not a list of questions", remedy: "fetch the file again")
      }
      return try entries.enumerated().map { try Entry(value: $1, place: "\(file.path), entry \($0 + 1)").read(options) }
    }
    guard !questions.isEmpty else {
      throw UserError(.badInput, "\(folder.path): the split \(split.rawValue) holds no question")
    }
    var seen = Set<String>()
    if let twice = questions.first(where: { !seen.insert($0.id).inserted }) {
      throw UserError(
        .badInput, "\(folder.path), \(split.rawValue): sample_id \(twice.id) occurs twice",
        remedy: "keep one file of the split")
    }
  }

  /// The recordings of a split as ECG-QA lists them (`train_ecgs.tsv`); nil where the folder has no such list.
  public func recordings(of split: Split) throws -> [String]? {
    let file = folder.appendingPathComponent("\(split.rawValue)_ecgs.tsv")
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return String(decoding: try Self.data(file), as: UTF8.self).split(whereSeparator: \.isNewline).compactMap {
      $0.split(separator: "\t").last.map(String.init)
    }
  }

  private static func data(_ file: URL) throws -> Data {
    do { return try Data(contentsOf: file) } catch {
      throw UserError(.inputOutput, "\(file.path) cannot be read: \(error.localizedDescription)")
    }
  }

  private static func files(_ folder: URL, _ split: Split) throws -> [URL] {
    let file = folder.appendingPathComponent("\(split.rawValue).json")
    if FileManager.default.fileExists(atPath: file.path) { return [file] }
    let parts = folder.appendingPathComponent(split.rawValue)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parts.path)) ?? []
    let files = names.filter { $0.hasSuffix(".json") }.sorted().map { parts.appendingPathComponent($0) }
    guard !files.isEmpty else {
      throw UserError(
        .badInput, "\(folder.path): neither \(split.rawValue).json nor a folder \(split.rawValue) of JSON files",
        remedy: "give the folder of ECG-QA's PTB-XL part (ecgqa/ptbxl)")
    }
    return files
  }

  /// The options of each template, without "none".
  private static func options(_ table: CSVTable) throws -> [Int: [String]] {
    let (number, classes) = (try table.column("template_id"), try table.column("classes"))
    var options: [Int: [String]] = [:]
    for row in table.rows {
      guard let template = Int(row.fields[number]) else { throw table.failure(row, "template_id is no number") }
      guard let names = strings(inList: row.fields[classes]) else {
        throw table.failure(row, "classes is no list of texts")
      }
      options[template] = names.filter { $0 != "none" }
    }
    return options
  }

  /// A Python list of texts, such as `['no', "o'clock"]`; nil for anything else.
  static func strings(inList literal: String) -> [String]? {
    var rest = Substring(literal.trimmingCharacters(in: .whitespaces))
    guard rest.first == "[", rest.last == "]", rest.count >= 2 else { return nil }
    rest = rest.dropFirst().dropLast().drop(while: \.isWhitespace)
    var found: [String] = []
    while let quote = rest.first {
      guard quote == "'" || quote == "\"" else { return nil }
      var text = ""
      rest = rest.dropFirst()
      while let next = rest.first, next != quote {
        rest = rest.dropFirst()
        guard next == "\\" else {
          text.append(next)
          continue
        }
        guard let escaped = rest.popFirst() else { return nil }
        text.append(escaped)
      }
      guard rest.popFirst() == quote else { return nil }
      found.append(text)
      rest = rest.drop(while: \.isWhitespace)
      if rest.isEmpty { break }
      guard rest.popFirst() == "," else { return nil }
      rest = rest.drop(while: \.isWhitespace)
    }
    return found
  }
}

/// One question while it is read.
private struct Entry {
  let value: JSONValue
  let place: String

  func read(_ options: [Int: [String]]) throws -> ECGQAQuestion {
    guard let id = value["sample_id"]?.integer else { throw failure("sample_id: a number is missing") }
    guard let template = value["template_id"]?.integer else { throw failure("template_id: a number is missing") }
    guard let offered = options[template] else {
      throw failure("template_id: \(template) is not in answers_for_each_template.csv")
    }
    guard let kind = value["question_type"]?.string else { throw failure("question_type: a text is missing") }
    guard let question = value["question"]?.string else { throw failure("question: a text is missing") }
    guard let answers = value["answer"]?.array?.map(\.string), answers.allSatisfy({ $0 != nil }) else {
      throw failure("answer: a list of texts is missing")
    }
    let recordings = value["ecg_id"]?.array?.compactMap(\.integer) ?? []
    guard (1...2).contains(recordings.count) else { throw failure("ecg_id: a list of one or two numbers is missing") }
    let named = answers.compactMap { $0 }
    if let stray = named.first(where: { $0 != "none" && !offered.contains($0) }) {
      throw failure("answer: \"\(stray)\" is no answer of template \(template)")
    }
    return ECGQAQuestion(
      id: "\(id)", template: template, kind: kind, question: question, answers: named,
      recordings: recordings.map { "\($0)" }, options: offered)
  }

  private func failure(_ what: String) -> UserError {
    UserError(.badInput, "\(place): \(what)", remedy: "fetch the file again, or leave the entry out")
  }
}
