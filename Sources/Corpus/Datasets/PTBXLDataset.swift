import Cardiology
import Foundation
import Tensors

/// PTB-XL in its official folder: `ptbxl_database.csv`, `scp_statements.csv`, `records100/`.
///
/// The superclasses of a record are the diagnostic classes of all its statements whatever their likelihood, 0 included;
/// records without any are left out. Folds are the official `strat_fold`. Signals are the 100 Hz files.
///
/// Source: Wagner et al., "PTB-XL, a large publicly available electrocardiography dataset", Scientific Data 2020;
/// superclass rule of Strodthoff et al., "Deep learning for ECG analysis", 2020.
public struct PTBXLDataset: ECGDataset {
  public let name = "PTB-XL"
  public let samples: [ECGSample]
  /// Records of the table that are left out of `samples` because no statement of theirs has a superclass, numbered behind
  /// them.
  public let unlabelled: [ECGSample]
  public var recordsWithoutSuperclass: Int { unlabelled.count }

  private let folder: URL
  private let paths: [String]

  public var remarks: [String] {
    guard recordsWithoutSuperclass > 0 else { return [] }
    return [
      "\(name): \(recordsWithoutSuperclass) of \(recordsWithoutSuperclass + samples.count) records "
        + "have no diagnostic superclass and are left out"
    ]
  }

  /// - Throws: `UserError` of kind badInput: a table is missing, lacks a column, or holds an unreadable row.
  public init(path: URL) throws {
    let database = try Self.table("ptbxl_database.csv", in: path)
    let statements = try Self.table("scp_statements.csv", in: path)
    let superclasses = try Self.superclasses(statements)
    let idColumn = try database.column("ecg_id")
    let reportColumn = try database.column("report")
    let codesColumn = try database.column("scp_codes")
    let foldColumn = try database.column("strat_fold")
    let fileColumn = try database.column("filename_lr")
    let patientColumn = database.header.firstIndex(of: "patient_id")

    var found: [(sample: ECGSample, path: String)] = []
    var ids: Set<String> = []
    for row in database.rows {
      let id = row.fields[idColumn]
      guard ids.insert(id).inserted else { throw database.failure(row, "ecg_id \(id) occurs twice") }
      guard let codes = SCPCodes(literal: row.fields[codesColumn]) else {
        throw database.failure(row, "scp_codes is not a dictionary of codes")
      }
      guard let fold = Double(row.fields[foldColumn]).flatMap({ Int(exactly: $0) }), (1...10).contains(fold) else {
        throw database.failure(row, "strat_fold is not a number from 1 to 10")
      }
      let present = Set(codes.likelihoods.keys.compactMap { superclasses[$0] })
      let patient = patientColumn.map { Self.patient(row.fields[$0]) } ?? ""
      let sample = ECGSample(
        id: id, index: 0, superclasses: present, report: row.fields[reportColumn], fold: fold, patient: patient)
      found.append((sample, row.fields[fileColumn]))
    }
    let (labelled, others) = (
      found.filter { !$0.sample.superclasses.isEmpty }, found.filter { $0.sample.superclasses.isEmpty }
    )
    guard !labelled.isEmpty else {
      throw UserError(
        .badInput, "\(database.file): no record has a diagnostic superclass",
        remedy: "check that scp_statements.csv belongs to the same PTB-XL release")
    }
    folder = path
    samples = labelled.enumerated().map { $1.sample.numbered($0) }
    unlabelled = others.enumerated().map { $1.sample.numbered(labelled.count + $0) }
    paths = (labelled + others).map(\.path)
  }

  /// The table writes the numbers of patients as 15709.0.
  private static func patient(_ field: String) -> String {
    Double(field).flatMap { Int(exactly: $0) }.map { "\($0)" } ?? field
  }

  public func record(_ sample: ECGSample) throws -> ECGRecord {
    let file = folder.appendingPathComponent(paths[sample.index])
    for suffix in ["hea", "dat"] {
      let part = file.appendingPathExtension(suffix)
      guard FileManager.default.fileExists(atPath: part.path) else {
        throw UserError(
          .badInput, "\(part.path): the file is missing, though ptbxl_database.csv lists record \(sample.id)",
          remedy: "fetch the 100 Hz records of PTB-XL in full, or remove the record's row from the table")
      }
    }
    return try WFDBReader.read(file)
  }

  /// Where a recording lies, and where it belongs.
  public struct Entry: Sendable {
    /// The official fold; nil where the table has none.
    public let fold: Int?
    /// Empty where the table does not say.
    public let patient: String
    /// The 100 Hz file.
    public let file: URL
  }

  /// Every recording of the table by `ecg_id`, labelled or not.
  /// - Throws: as `init(path:)`.
  public static func index(path: URL) throws -> [String: Entry] {
    let database = try table("ptbxl_database.csv", in: path)
    let columns = try ["ecg_id", "strat_fold", "filename_lr"].map(database.column)
    let patientColumn = database.header.firstIndex(of: "patient_id")
    return Dictionary(
      database.rows.map { row in
        let fields = columns.map { row.fields[$0] }
        return (
          fields[0],
          Entry(
            fold: Double(fields[1]).flatMap { Int(exactly: $0) },
            patient: patientColumn.map { patient(row.fields[$0]) } ?? "", file: path.appendingPathComponent(fields[2]))
        )
      },
      uniquingKeysWith: { first, _ in first })
  }

  private static func table(_ name: String, in folder: URL) throws -> CSVTable {
    let url = folder.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: url.path) else {
      let isThere = FileManager.default.fileExists(atPath: folder.path)
      throw UserError(
        isThere ? .badInput : .inputOutput,
        isThere
          ? "\(folder.path): there is no \(name)"
          : "\(folder.path.isEmpty ? "data.path" : folder.path): no such folder",
        remedy: "set data.path to the PTB-XL folder that holds ptbxl_database.csv, scp_statements.csv and records100")
    }
    return try CSVTable(contentsOf: url)
  }

  /// Statement code to superclass, for the rows of scp_statements.csv with diagnostic == 1.
  private static func superclasses(_ table: CSVTable) throws -> [String: Superclass] {
    let diagnostic = try table.column("diagnostic")
    let superclass = try table.column("diagnostic_class")
    var map: [String: Superclass] = [:]
    for row in table.rows where Double(row.fields[diagnostic]) == 1 {
      guard let value = Superclass(rawValue: row.fields[superclass]) else {
        throw table.failure(row, "\"\(row.fields[superclass])\" is not a diagnostic superclass")
      }
      map[row.fields[0]] = value
    }
    return map
  }
}

extension ECGSample {
  /// The same at another position.
  fileprivate func numbered(_ index: Int) -> ECGSample {
    ECGSample(
      id: id, index: index, labels: labels, of: questionSet, report: report, fold: fold, group: group)
  }
}
