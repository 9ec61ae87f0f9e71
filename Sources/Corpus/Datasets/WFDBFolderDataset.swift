import Cardiology
import Foundation
import Tensors

/// Every WFDB record (`*.hea`) below a folder, with labels from a table or without any.
///
/// The table has the columns `record` (path below the folder, without suffix) and, as far as they are known,
/// `superclasses` (names separated by `;` or spaces), `report` and `fold`. Without a fold column folds 1 ... 10 are drawn
/// by key. Records are in the order of their paths.
public struct WFDBFolderDataset: ECGDataset {
  public let name: String
  public let samples: [ECGSample]
  public let remarks: [String]
  private let folder: URL

  /// - Parameters:
  ///   - path: the folder.
  ///   - labels: the table; nil takes `labels.csv` of the folder where there is one.
  ///   - seed: key of the fold draw.
  /// - Throws: `UserError` of kind inputOutput: no such folder; of kind badInput: no records, a table without its columns
  ///   or with unknown names.
  public init(path: URL, labels: URL? = nil, seed: UInt64 = 0) throws {
    folder = path
    name = path.lastPathComponent
    let records = try Self.records(in: path)
    let beside = path.appendingPathComponent("labels.csv")
    let table = labels ?? (FileManager.default.fileExists(atPath: beside.path) ? beside : nil)
    let known = try table.map { try Self.labels(CSVTable(contentsOf: $0)) } ?? [:]
    samples = records.enumerated().map { index, id in
      ECGSample(
        id: id, index: index, superclasses: known[id]?.superclasses ?? [], report: known[id]?.report ?? "",
        fold: known[id]?.fold ?? ECGSample.keyedFold(seed: seed, index: index))
    }
    let unlabelled = records.reduce(0) { known[$1] == nil ? $0 + 1 : $0 }
    let absent = known.keys.filter { !Set(records).contains($0) }.count
    remarks = [
      table != nil && unlabelled > 0 ? "\(name): \(unlabelled) of \(records.count) records are not in the table" : nil,
      absent > 0 ? "\(name): \(absent) rows of the table name records that are not in the folder" : nil,
    ].compactMap { $0 }
  }

  public func record(_ sample: ECGSample) throws -> ECGRecord {
    try WFDBReader.read(folder.appendingPathComponent(sample.id))
  }

  /// The records below a folder by path, without suffix, in the order of their bytes.
  static func records(in folder: URL) throws -> [String] {
    // An enumerator of what is not there, or of a link, is an empty one on Linux.
    guard FileManager.default.fileExists(atPath: folder.path),
      let paths = FileManager.default.enumerator(atPath: folder.resolvingSymlinksInPath().path)
    else {
      throw UserError(
        .inputOutput, "\(folder.path): no such folder", remedy: "set data.path to a folder of WFDB records")
    }
    let records = paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".hea") }.map { String($0.dropLast(4)) }
    guard !records.isEmpty else {
      throw UserError(
        .badInput, "\(folder.path): there is no WFDB header (*.hea) in this folder",
        remedy: "set data.path to a folder of WFDB records")
    }
    return records.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private struct Labels {
    let superclasses: Set<Superclass>
    let report: String
    let fold: Int?
  }

  private static func labels(_ table: CSVTable) throws -> [String: Labels] {
    let recordColumn = try table.column("record")
    let classColumn = table.header.firstIndex(of: "superclasses")
    let reportColumn = table.header.firstIndex(of: "report")
    let foldColumn = table.header.firstIndex(of: "fold")
    var known: [String: Labels] = [:]
    for row in table.rows {
      let names = classColumn.map { row.fields[$0].split { $0 == ";" || $0 == " " || $0 == "," } } ?? []
      let superclasses = try names.map { name in
        guard let value = Superclass(rawValue: String(name)) else {
          throw table.failure(row, "\"\(name)\" is not one of NORM, MI, STTC, CD, HYP")
        }
        return value
      }
      let fold = try foldColumn.map { column in
        guard let fold = Int(row.fields[column]), (1...10).contains(fold) else {
          throw table.failure(row, "fold is not a number from 1 to 10")
        }
        return fold
      }
      known[row.fields[recordColumn]] = Labels(
        superclasses: Set(superclasses), report: reportColumn.map { row.fields[$0] } ?? "", fold: fold)
    }
    return known
  }
}
