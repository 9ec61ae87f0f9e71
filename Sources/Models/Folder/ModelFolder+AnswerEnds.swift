import Foundation
import Tensors

/// What ends an answer: `eos_token_id` of generation_config.json, which transformers asks before config.json.
extension ModelFolder {
  private static let generationFile = "generation_config.json"
  private static let endKey = "eos_token_id"

  /// The tokens that a folder's generation_config.json names; none where it names none, or is not there.
  /// - Throws: `UserError` of kind badInput for a file that is damaged.
  public static func answerEnds(in folder: URL) throws -> [Int] {
    let file = folder.appendingPathComponent(generationFile)
    guard FileManager.default.fileExists(atPath: file.path) else { return [] }
    return try JSONFields(contentsOf: file).tokens(endKey)
  }

  /// Has answers of a written folder end at more tokens; all else that its generation_config.json says stays.
  ///
  /// What ended them before still does and stands first: transformers fills up with the first one. A file that names all of
  /// them already stays as it is.
  /// - Parameters:
  ///   - configuration: the model's, which says what ends an answer where the file does not.
  ///   - source: the folder the model came from, whose file is taken where the written folder has none.
  /// - Throws: `UserError` of kind badInput for a file that is damaged; file errors as they come.
  public static func endAnswers(
    at tokens: [Int], in folder: URL, of configuration: any ModelConfiguration, like source: URL? = nil
  ) throws {
    let file = folder.appendingPathComponent(generationFile)
    let found = [folder, source].compactMap { $0?.appendingPathComponent(generationFile) }
      .first { FileManager.default.fileExists(atPath: $0.path) }
    let data = try found.map { try Data(contentsOf: $0) } ?? Data(configuration.generationJSON.utf8)
    let named = try JSONFields(data, file: (found ?? file).path).tokens(endKey)
    guard found != file || !Set(tokens).isSubset(of: named) else { return }
    var ends = named.isEmpty ? configuration.endTokens : named
    ends += tokens.filter { !ends.contains($0) }
    let value: JSONValue = ends.count == 1 ? .integer(ends[0]) : .array(ends.map { .integer($0) })
    var fields = (try JSONValue(parsing: data, file: file.path).object ?? []).filter { $0.key != endKey }
    fields.append((key: endKey, value: value))
    try Data((JSONValue.object(fields).text() + "\n").utf8).write(to: file, options: .atomic)
  }
}
