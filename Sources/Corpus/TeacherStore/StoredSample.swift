/// The name of a sample in a teacher store: a record, how it was changed, and what was asked about it.
///
/// "17/MI" is record 17 as it is, asked for myocardial infarction; "17~2/MI" its second augmented variant. What is seen
/// without the question, "17" or "17~2", names the visual tokens. A conversation with the id m-1 is "m-1/conversation", and
/// its images "m-1".
public struct StoredSample: Sendable, Hashable {
  public let record: String
  /// 0: the record as it is.
  public let variant: Int
  public let question: String

  /// What stands for the question where the sample is a whole conversation.
  public static let conversation = "conversation"

  public init(record: String, variant: Int, question: String) {
    self.record = record
    self.variant = variant
    self.question = question
  }

  public var view: String { variant == 0 ? record : "\(record)~\(variant)" }
  public var name: String { "\(view)/\(question)" }

  /// Whether it may show no image: conversations may be text alone.
  var mayBeTextAlone: Bool { question == Self.conversation }

  /// The sample that tensors of this name belong to, whatever variant its view is; nil for a text that is no such name.
  init?(name: String) {
    guard let view = Self.view(ofName: name) else { return nil }
    self.init(record: view, variant: 0, question: String(name.dropFirst(view.count + 1)))
  }

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
    case .label(let name): name
    case .classification: "classification"
    case .report: "report"
    }
  }
}
