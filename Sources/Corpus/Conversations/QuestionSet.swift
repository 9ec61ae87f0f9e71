import Cardiology

/// What the recordings of a data set are asked: yes or no to each label, the list of the labels that apply, the report.
public struct QuestionSet: Sendable, Hashable {
  /// One label, and how it is asked about.
  public struct Label: Sendable, Hashable {
    /// As answers spell it.
    public let name: String
    /// Answered by yes or no.
    public let question: String

    public init(_ name: String, question: String) { (self.name, self.question) = (name, question) }
  }

  /// What evaluations by these questions are called.
  public let task: String
  /// In the order in which they are asked about and listed.
  public let labels: [Label]
  /// Answered by the names of the labels that apply.
  public let listing: String
  /// Answered by the clinical report.
  public let report: String

  /// All that data sets have.
  public static let all: [QuestionSet] = [superclasses, eegEvents]

  /// That of evaluations of this name; the superclasses where there is none, as in results of earlier versions.
  public static func of(task: String?) -> QuestionSet { all.first { $0.task == task } ?? superclasses }

  /// The five diagnostic superclasses of PTB-XL, the list of them in the form of ECGBench.
  public static let superclasses = QuestionSet(
    task: "ptb-xl-super",
    labels: Superclass.allCases.map { superclass in
      let question =
        switch superclass {
        case .NORM: "Is this a normal ECG?"
        case .MI: "Does this ECG show myocardial infarction?"
        case .STTC: "Does this ECG show ST/T changes?"
        case .CD: "Does this ECG show a conduction disturbance?"
        case .HYP: "Does this ECG show hypertrophy?"
        }
      return Label(superclass.rawValue, question: question)
    },
    listing: "Please determine the appropriate diagnosis for the ECG image: NORM, MI, STTC, CD, HYP.",
    report: "Please write a clinical report based on this ECG image.")

  /// Which event of an experiment an epoch of EEG is cut around.
  public static let eegEvents = QuestionSet(
    task: "eeg-events",
    labels: [
      Label("stimulus", question: "Is this EEG around a stimulus?"),
      Label("response", question: "Is this EEG around a response?"),
    ],
    listing: "Which event is this EEG around: stimulus or response?", report: "Please describe this EEG.")

  /// The words of every question by its kind, for what is compared by them.
  public var wording: String {
    (labels.map { (Question.Kind.label($0.name), $0.question) } + [(.classification, listing), (.report, report)])
      .map { "\($0.0.name): \($0.1)" }.joined(separator: "\n")
  }
}
