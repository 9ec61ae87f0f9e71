/// The five diagnostic superclasses of PTB-XL, the label space of ECGBench's `ptb-test`.
///
/// Source: Wagner et al., "PTB-XL, a large publicly available electrocardiography dataset", 2020.
public enum Superclass: String, CaseIterable, Codable, Sendable {
  /// Normal ECG.
  case NORM
  /// Myocardial infarction.
  case MI
  /// ST segment or T wave changes.
  case STTC
  /// Conduction disturbance.
  case CD
  /// Hypertrophy.
  case HYP

  /// The class in words, as a question or a report names it.
  public var phrase: String {
    switch self {
    case .NORM: "normal ECG"
    case .MI: "myocardial infarction"
    case .STTC: "ST/T change"
    case .CD: "conduction disturbance"
    case .HYP: "hypertrophy"
    }
  }
}
