import Evaluation
import Foundation
import Tensors

/// The questions of a task that are asked: all, or those about the recordings that a file of ids names.
struct ChosenQuestions {
  let task: any BenchmarkTask
  /// Names of what the task holds and is not asked about.
  let others: Set<String>
  /// What is to be said of it.
  let notes: [String]

  /// - Parameters:
  ///   - file: of ids, one a line; empty lines count for nothing. Nil: all questions.
  ///   - data: what the task was read from, for messages.
  /// - Throws: `UserError` (input/output) for a file that cannot be read, (bad input) for one without ids, with ids that occur
  ///   twice or are of no recording of the task, naming them, or of none that it asks about.
  static func of<Asked: BenchmarkTask>(_ task: Asked, namedIn file: URL?, data: URL) throws -> ChosenQuestions {
    guard let file else { return ChosenQuestions(task: task, others: [], notes: []) }
    let named = try ids(in: file)
    let (asked, left) = (Set(task.questions.map(\.id)), Set(task.leftOut))
    let unknown = named.filter { !asked.contains($0) && !left.contains($0) }
    guard unknown.isEmpty else {
      throw UserError(
        .badInput,
        "\(file.path): \(unknown.count) of \(named.count) ids are of no recording of \(task.name) in \(data.path): "
          + UserError.some(unknown),
        remedy: "give ids of the recordings that --data holds (of PTB-XL, those of --fold)")
    }
    let part = task.choosing(Set(named))
    let unasked = named.filter(left.contains)
    guard !part.questions.isEmpty else {
      throw UserError(
        .badInput,
        "\(file.path): \(task.name) leaves out all \(named.count) of these recordings: \(UserError.some(unasked))",
        remedy: "name recordings that it asks about")
    }
    let name = file.lastPathComponent
    var notes = [
      "\(part.questions.count) of \(asked.count) recordings are asked about, those that \(name) names; what is said here of "
        + "the folder is of all that it holds"
    ]
    if !unasked.isEmpty {
      notes.append("\(unasked.count) recordings that \(name) names are left out: \(UserError.some(unasked))")
    }
    return ChosenQuestions(task: part, others: asked.union(left).subtracting(named), notes: notes)
  }

  private static func ids(in file: URL) throws -> [String] {
    let data = try InputFile(file).data(remedy: "give the path of a file of ids, one a line")
    guard let text = String(data: data, encoding: .utf8) else {
      throw UserError(.badInput, "\(file.path) is not UTF-8", remedy: "write a text file of ids, one a line")
    }
    let ids = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
    guard !ids.isEmpty else {
      throw UserError(.badInput, "\(file.path) holds no id", remedy: "write ids of recordings, one a line")
    }
    var seen = Set<String>()
    let repeated = ids.filter { !seen.insert($0).inserted }
    guard repeated.isEmpty else {
      throw UserError(
        .badInput, "\(file.path): ids occur more than once: \(UserError.some(repeated))",
        remedy: "name each recording once")
    }
    return ids
  }
}
