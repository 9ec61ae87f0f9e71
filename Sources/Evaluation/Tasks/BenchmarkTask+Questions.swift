import Corpus
import Foundation

extension BenchmarkTask {
  /// What is asked, one JSON object a line in the questions' order, for a model that is asked elsewhere; nothing of the true
  /// answers.
  ///
  /// `id` names the question in predictions and `prompt` is what a model is asked here. Where there are any: `options` as a
  /// list, `followUps` behind the model's own answers, `yesNoQuestions` by the label that their probabilities are of. What is
  /// shown is `images`, `recordings` (paths of both), or `shown` by the names of the data set where no files are known.
  /// - Parameter place: the file of what is shown by its name; nil where none is known.
  /// - Complexity: O(questions * labels).
  public func questionLines(_ place: (String) -> ShownFile?) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let labels = Dictionary(yesNoQuestions.map { ($0.label, $0.prompt) }, uniquingKeysWith: { first, _ in first })
    return try items.reduce(into: Data()) { data, item in
      var line = WrittenQuestion(id: item.question.id, prompt: item.question.prompt)
      if !item.options.isEmpty { line.options = item.options }
      if !item.question.followUps.isEmpty { line.followUps = item.question.followUps }
      if !labels.isEmpty { line.yesNoQuestions = labels }
      line.show(item.question.shown, place)
      data += try encoder.encode(line)
      data.append(UInt8(ascii: "\n"))
    }
  }
}

private struct WrittenQuestion: Encodable {
  var id: String
  var prompt: String
  var options: [String]?
  var followUps: [String]?
  var yesNoQuestions: [String: String]?
  var images: [String]?
  var recordings: [String]?
  var shown: [String]?

  mutating func show(_ names: [String], _ place: (String) -> ShownFile?) {
    let files = names.compactMap(place)
    guard files.count == names.count else {
      shown = names
      return
    }
    for file in files {
      switch file {
      case .picture(let url): images = (images ?? []) + [url.path]
      case .record(let url): recordings = (recordings ?? []) + [url.path]
      }
    }
  }
}
