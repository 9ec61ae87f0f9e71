/// The name of a sample in a teacher store: a record, how it was changed, and what was asked about it.
///
/// "17/MI" is record 17 as it is, asked for myocardial infarction; "17~2/MI" its second augmented variant. What is seen
/// without the question, "17" or "17~2", names the visual tokens.
public struct StoredSample: Sendable, Hashable {
  public let record: String
  /// 0: the record as it is.
  public let variant: Int
  public let question: String

  public init(record: String, variant: Int, question: String) {
    self.record = record
    self.variant = variant
    self.question = question
  }

  public var view: String { variant == 0 ? record : "\(record)~\(variant)" }
  public var name: String { "\(view)/\(question)" }

  /// The view of a sample's name: all before the last slash; nil for a text that is no such name.
  static func view(ofName name: String) -> String? {
    guard let slash = name.lastIndex(of: "/"), slash != name.startIndex, name.index(after: slash) != name.endIndex
    else {
      return nil
    }
    return String(name[..<slash])
  }
}

extension Question.Kind {
  /// The kind in names of stored samples.
  public var name: String {
    switch self {
    case .superclass(let superclass): superclass.rawValue
    case .classification: "classification"
    case .report: "report"
    }
  }
}
