import Foundation
import Tensors

/// Where a single recording comes from, as users name it on the command line.
///
/// `synthetic:17` is recording 17 of the synthetic generator (`synthetic:17:5`, of seed 5), `exams_part0.hdf5#1009` an exam
/// of CODE-15% by its exam_id; anything else is the path of a WFDB record, with or without .hea.
public enum RecordSource: Sendable, Equatable {
  case wfdb(URL)
  /// An exam of an HDF5 file; nil for the only one.
  case tracing(URL, exam: String?)
  case synthetic(seed: UInt64, index: Int)

  /// - Throws: `UserError` of kind badInput for a synthetic recording without a number, or a kind of file that is not read.
  public init(_ name: String) throws {
    guard name.hasPrefix("synthetic:") else {
      let parts = name.split(separator: "#", omittingEmptySubsequences: false)
      let file = URL(fileURLWithPath: parts.count > 1 ? parts.dropLast().joined(separator: "#") : name)
      if ["hdf5", "h5"].contains(file.pathExtension.lowercased()) {
        self = .tracing(file, exam: parts.count > 1 ? parts.last.map(String.init) : nil)
        return
      }
      let url = URL(fileURLWithPath: name)
      guard !["png", "jpg", "jpeg", "csv", "xml", "dcm", "edf"].contains(url.pathExtension.lowercased()) else {
        throw UserError(
          .badInput, "\(name) is neither a WFDB record nor an HDF5 file, the forms in which recordings are read",
          remedy:
            "name a WFDB record, with or without .hea, FILE.hdf5#EXAM or synthetic:NUMBER; a picture of an ECG (PNG, JPEG) is for "
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
    case .tracing(let url, let exam):
      let file = try TracingFile(url)
      guard exam != nil || file.ids.count == 1 else {
        throw UserError(
          .usage, "\(url.path) holds \(file.ids.count) exams",
          remedy: "name one: \(url.lastPathComponent)#\(file.ids[0])")
      }
      return try file.record(at: exam.map { try file.place(of: $0) } ?? 0)
    case .synthetic(let seed, let index):
      let made = SyntheticECG(seed: seed).sample(index)
      var record = made.record
      let superclasses = Superclass.allCases.filter(made.superclasses.contains).map(\.rawValue)
      record.comments += ["superclasses: \(superclasses.joined(separator: ", "))", "report: \(made.report)"]
      return record
    }
  }
}
