/// The task `ptb-xl-super`: which of the five diagnostic superclasses an ECG shows.
public enum PTBXLSuper {
  public static let name = "ptb-xl-super"
  public static let classes = LabelSpace.ptbXLSuper.classes

  public typealias Answer = LabelAnswer
}

public typealias PTBXLSuperReport = LabelReport
