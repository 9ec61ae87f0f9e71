import Foundation
import Tensors

/// Where a single recording comes from, as users name it on the command line.
///
/// `synthetic:17` is recording 17 of the synthetic generator (`synthetic:17:5`, of seed 5); anything else is the path of
/// a WFDB record, with or without .hea.
public enum RecordSource: Sendable, Equatable {
  case wfdb(URL)
  case synthetic(seed: UInt64, index: Int)

  /// - Throws: `UserError` of kind badInput for a synthetic recording without a number, or a kind of file that is not read.
  public init(_ name: String) throws {
    guard name.hasPrefix("synthetic:") else {
      let url = URL(fileURLWithPath: name)
      guard !["png", "jpg", "jpeg", "csv", "xml", "dcm"].contains(url.pathExtension.lowercased()) else {
        throw UserError(
          .badInput, "\(name) is no WFDB record, the only form in which recordings are read",
          remedy:
            "name a WFDB record, with or without .hea, or synthetic:NUMBER; a picture of an ECG (PNG, JPEG) is for "
            + "`evl-dist interpret`")
      }
      self = .wfdb(url)
      return
    }
    let parts = name.split(separator: ":", omittingEmptySubsequences: false).dropFirst()
    guard let index = parts.first.flatMap({ Int($0) }), index >= 0, parts.count <= 2,
      let seed = parts.count == 2 ? UInt64(parts[2]) : 1
    else {
      throw UserError(
        .badInput, "\(name) is not a synthetic recording",
        remedy: "write synthetic:NUMBER or synthetic:NUMBER:SEED, as in synthetic:17")
    }
    self = .synthetic(seed: seed, index: index)
  }

  /// The recording; what a synthetic one shows is said in its comments.
  /// - Throws: `UserError` for a file that is missing or damaged.
  public func record() throws -> ECGRecord {
    switch self {
    case .wfdb(let url): return try WFDBReader.read(url)
    case .synthetic(let seed, let index):
      let made = SyntheticECG(seed: seed).sample(index)
      var record = made.record
      let superclasses = Superclass.allCases.filter(made.superclasses.contains).map(\.rawValue)
      record.comments += ["superclasses: \(superclasses.joined(separator: ", "))", "report: \(made.report)"]
      return record
    }
  }
}
