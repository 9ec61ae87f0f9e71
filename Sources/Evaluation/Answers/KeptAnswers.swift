import Foundation
import Tensors

/// What a model said of one record, as an evaluation keeps it: enough to score it again and to show it.
public struct KeptAnswer: Codable, Sendable, Equatable {
  /// Unique in the data set.
  public var id: String
  /// The truth, in alphabetical order; empty for a record without a label, which scores leave out.
  public var gold: [String]
  /// Probability of each class; nil where only text was asked for.
  public var probabilities: [String: Double]?
  /// The generated answer; nil where only probabilities were asked for.
  public var text: String?
  /// What a resample draws in place of the record, its patient; nil for the record itself.
  public var subject: String?

  public init(id: String, gold: [String], probabilities: [String: Double]?, text: String?, subject: String? = nil) {
    (self.id, self.gold, self.probabilities, self.text) = (id, gold, probabilities, text)
    self.subject = subject
  }

  /// - Parameter classes: to which the probabilities belong, in their order.
  public init(_ answer: LabelAnswer, classes: [String] = PTBXLSuper.classes) {
    self.init(
      id: answer.id, gold: answer.gold.sorted(),
      probabilities: answer.probabilities.map { Dictionary(zip(classes, $0)) { first, _ in first } }, text: answer.text,
      subject: answer.subject == answer.id ? nil : answer.subject)
  }

  /// The answer as the task scores it; nil where a class has no probability though others have.
  public func answer(classes: [String] = PTBXLSuper.classes) -> LabelAnswer? {
    let known = probabilities.map { given in classes.compactMap { given[$0] } }
    guard known.map({ $0.count == classes.count }) ?? true else { return nil }
    return LabelAnswer(id: id, gold: Set(gold), probabilities: known, text: text, subject: subject)
  }
}

/// A file of kept answers: one JSON object a line, keys sorted, in the order of the evaluated records. Numbers are written
/// so that they are read again bit for bit; the same answers give the same bytes.
public struct KeptAnswers: Sendable, Equatable {
  public var answers: [KeptAnswer]

  public init(_ answers: [KeptAnswer]) { self.answers = answers }

  /// - Throws: `UserError` naming file and line for one that cannot be read, is no kept answer, or repeats an id.
  public init(contentsOf file: URL) throws {
    let data: Data
    do { data = try Data(contentsOf: file) } catch {
      throw UserError(
        .inputOutput, "\(file.path) cannot be read: \(error.localizedDescription)", remedy: "check its permissions")
    }
    answers = try data.split(separator: UInt8(ascii: "\n")).enumerated().map { index, line in
      do { return try JSONDecoder().decode(KeptAnswer.self, from: line) } catch {
        throw UserError(
          .badInput, "\(file.path), line \(index + 1): no kept answer",
          remedy: "the file is damaged; finish the run again to have it written anew")
      }
    }
    if let id = firstRepeated(answers.map(\.id)) {
      throw UserError(.badInput, "\(file.path): record \(id) occurs twice", remedy: "the file is damaged")
    }
  }

  public func jsonLines() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try answers.reduce(into: Data()) { data, answer in
      data += try encoder.encode(answer)
      data.append(UInt8(ascii: "\n"))
    }
  }
}
