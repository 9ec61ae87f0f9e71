import Corpus

/// The task `ptb-xl-super`: which of the five diagnostic superclasses an ECG shows.
public enum PTBXLSuper {
  public static let name = QuestionSet.superclasses.task
  public static let classes = QuestionSet.superclasses.labels.map(\.name)
}
