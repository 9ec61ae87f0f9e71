import Cardiology
import Corpus

/// Labels of which a record may carry any number: how a model is asked about them, and how its answers are read.
public struct LabelSpace: Sendable {
  public let classes: [String]
  /// A question for each class that is answered by yes or no.
  public let questions: [String]
  /// The question that is answered by the list of classes.
  public let listing: String
  /// By which text is read carefully.
  public let vocabulary: DefaultScorer.Vocabulary
  /// By which text is read as published; nil where ECGBench has no such set.
  public let published: ECGBenchScorer.LabelSet?
  /// Whether a record may carry none of the labels; where not, such records are left out.
  public let allowsNone: Bool
  /// Classes that are asked about together, where one question does not ask about all.
  public let questionGroups: [Set<String>]

  /// - Precondition: as many questions as the vocabulary has labels.
  init(
    questions: [String], listing: String, vocabulary: DefaultScorer.Vocabulary,
    published: ECGBenchScorer.LabelSet? = nil, allowsNone: Bool = false, questionGroups: [Set<String>] = []
  ) {
    precondition(questions.count == vocabulary.labels.count, "a question for each label")
    classes = vocabulary.labels
    self.questions = questions
    self.listing = listing
    self.vocabulary = vocabulary
    self.published = published
    self.allowsNone = allowsNone
    self.questionGroups = questionGroups
  }

  /// The five diagnostic superclasses of PTB-XL, asked about as in training.
  public static var ptbXLSuper: LabelSpace {
    LabelSpace(.superclasses, vocabulary: .ptbXLSuper, published: .ptbXLSuper)
  }

  /// The labels that recordings of a data set are asked about in training.
  public static func trained(_ questions: QuestionSet) -> LabelSpace {
    questions == .superclasses
      ? .ptbXLSuper
      : LabelSpace(questions, vocabulary: .init(questions.labels.map { .init($0.name) }), published: nil)
  }

  private init(
    _ asked: QuestionSet, vocabulary: DefaultScorer.Vocabulary, published: ECGBenchScorer.LabelSet?
  ) {
    self.init(
      questions: asked.labels.map(\.question), listing: asked.listing, vocabulary: vocabulary, published: published)
  }

  /// The nine classes of CPSC 2018.
  public static var cpsc2018: LabelSpace {
    let names = [
      "NORM": "Normal ECG", "AF": "Atrial fibrillation", "I-AVB": "First-degree atrioventricular block",
      "LBBB": "Left bundle branch block", "RBBB": "Right bundle branch block", "PAC": "Premature atrial contraction",
      "PVC": "Premature ventricular contraction", "STD": "ST-segment depression", "STE": "ST-segment elevated",
    ]
    return LabelSpace(
      vocabulary: .cpsc2018, names: names, questions: ["STE": "Does this ECG show ST-segment elevation?"],
      published: .cpsc2018)
  }

  /// Six diagnoses of CODE-15%, normal and abnormal.
  public static var code15: LabelSpace {
    let names = [
      "NORM": "Normal ECG", "ABNORMAL": "Abnormal ECG", "1dAVb": "1st degree AV block",
      "RBBB": "Right bundle branch block",
      "LBBB": "Left bundle branch block", "SB": "Sinus bradycardia", "ST": "Sinus tachycardia",
      "AF": "Atrial fibrillation",
    ]
    let diagnoses = ECGBenchScorer.LabelSet.code15.labels
    return LabelSpace(
      vocabulary: .code15, names: names, questions: ["ABNORMAL": "Is this an abnormal ECG?"], published: .code15,
      allowsNone: true, questionGroups: [["NORM", "ABNORMAL"], Set(diagnoses)])
  }

  /// The diagnoses of a PhysioNet challenge, those that are scored as one in one class.
  ///
  /// - Parameter groups: the diagnoses of each class.
  public init(challenge groups: [[Diagnosis]]) {
    let entries = groups.map { group in
      DefaultScorer.Vocabulary.Entry(
        Self.label(of: group), group.map(\.name) + (group.count > 1 ? group.map(\.abbreviation) : []),
        otherBefore: ["interval", "intervals", "segment", "wave", "waves", "duration"])
    }
    self.init(
      vocabulary: DefaultScorer.Vocabulary(entries),
      names: Dictionary(
        groups.map { (Self.label(of: $0), $0.map(\.name).joined(separator: " or ")) },
        uniquingKeysWith: { first, _ in first }), allowsNone: true)
  }

  /// What the class of some diagnoses is called.
  static func label(of group: [Diagnosis]) -> String { group.map(\.abbreviation).joined(separator: "/") }

  /// Asks about each class by its name.
  ///
  /// - Parameters:
  ///   - names: of each class in words.
  ///   - questions: of those classes that are asked about otherwise.
  private init(
    vocabulary: DefaultScorer.Vocabulary, names: [String: String], questions: [String: String] = [:],
    published: ECGBenchScorer.LabelSet? = nil, allowsNone: Bool = false, questionGroups: [Set<String>] = []
  ) {
    func inSentence(_ name: String) -> String {
      let start = name.prefix(2)
      // "ST-segment" keeps its letters, "Atrial" does not.
      return start == start.uppercased() ? name : start.lowercased() + name.dropFirst(2)
    }
    let listed = vocabulary.labels.map { "\($0)(\(names[$0] ?? $0))" }.joined(separator: ", ")
    self.init(
      questions: vocabulary.labels.map { label in
        questions[label]
          ?? (label == "NORM"
            ? QuestionSet.superclasses.labels[0].question : "Does this ECG show \(inSentence(names[label] ?? label))?")
      },
      listing:
        "Please determine the appropriate diagnosis for the ECG image: \(listed). "
        + "Only answer with the names of the classes, separated by a semicolon.",
      vocabulary: vocabulary, published: published, allowsNone: allowsNone, questionGroups: questionGroups)
  }
}
