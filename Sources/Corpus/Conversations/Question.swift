/// A question about a recording and the answer its labels give.
public struct Question: Sendable, Equatable {
  public enum Kind: Hashable, Sendable {
    /// Yes or no to one label.
    case label(String)
    /// The list of all labels that apply.
    case classification
    /// The clinical report.
    case report
  }

  public static let yes = "Yes"
  public static let no = "No"

  public let kind: Kind
  public let text: String
  public let answer: String

  public init(kind: Kind, text: String, answer: String) {
    self.kind = kind
    self.text = text
    self.answer = answer
  }
}

extension ECGSample {
  /// All questions whose answer is known: one a label, the classification, the report.
  ///
  /// A sample without labels has only the report question, one without a report no report question.
  public var questions: [Question] {
    var questions: [Question] = []
    if !labels.isEmpty {
      for label in questionSet.labels {
        questions.append(
          Question(
            kind: .label(label.name), text: label.question,
            answer: labels.contains(label.name) ? Question.yes : Question.no))
      }
      let present = questionSet.labels.map(\.name).filter(labels.contains)
      questions.append(
        Question(kind: .classification, text: questionSet.listing, answer: present.joined(separator: ", ")))
    }
    let words = report.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    if !words.isEmpty { questions.append(Question(kind: .report, text: questionSet.report, answer: words)) }
    return questions
  }
}
