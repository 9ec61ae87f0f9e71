import Cardiology

/// A question about an ECG and the answer its labels give.
public struct Question: Sendable, Equatable {
  public enum Kind: Hashable, Sendable {
    /// Yes or no to one superclass.
    case superclass(Superclass)
    /// The list of all superclasses that apply, in the form of ECGBench.
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

extension Question.Kind {
  /// The words of the question.
  public var text: String {
    switch self {
    case .superclass(.NORM): "Is this a normal ECG?"
    case .superclass(.MI): "Does this ECG show myocardial infarction?"
    case .superclass(.STTC): "Does this ECG show ST/T changes?"
    case .superclass(.CD): "Does this ECG show a conduction disturbance?"
    case .superclass(.HYP): "Does this ECG show hypertrophy?"
    case .classification: "Please determine the appropriate diagnosis for the ECG image: NORM, MI, STTC, CD, HYP."
    case .report: "Please write a clinical report based on this ECG image."
    }
  }
}

extension ECGSample {
  /// All questions whose answer is known: one a superclass, the classification, the report.
  ///
  /// A sample without labels has only the report question, one without a report no report question.
  public var questions: [Question] {
    var questions: [Question] = []
    if !superclasses.isEmpty {
      for superclass in Superclass.allCases {
        questions.append(
          question(.superclass(superclass), superclasses.contains(superclass) ? Question.yes : Question.no))
      }
      let present = Superclass.allCases.filter(superclasses.contains).map(\.rawValue)
      questions.append(question(.classification, present.joined(separator: ", ")))
    }
    let words = report.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    if !words.isEmpty { questions.append(question(.report, words)) }
    return questions
  }

  private func question(_ kind: Question.Kind, _ answer: String) -> Question {
    Question(kind: kind, text: kind.text, answer: answer)
  }
}
