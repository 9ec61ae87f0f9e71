/// What scores of labels are called, in results and wherever these are read.
public enum MetricName {
  public static let macroAUC = "macro AUC"
  public static let macroF1 = "macro F1"
  public static let hammingLoss = "Hamming loss"
  public static let exactSet = "exact-set accuracy"
  /// What the names of a single class's scores begin with.
  public static let aucOfClass = "AUC of "
  public static let f1OfClass = "F1 of "

  /// The same score of the generated text.
  static func ofText(_ name: String) -> String { "text \(name)" }
}
