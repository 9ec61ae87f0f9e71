import Cardiology
import Foundation
import Tensors

/// CODE-15% in its official folder: `exams.csv` and `exams_part*.hdf5`.
///
/// An exam carries its diagnoses of six (columns 1dAVb, RBBB, LBBB, SB, ST, AF) and NORM or ABNORMAL (column normal_ecg).
/// Exams without any of these columns filled in, and exams whose tracings are not in the folder, are left out and counted.
/// Source: Ribeiro et al., "CODE-15%: a large scale annotated dataset of 12-lead ECGs", 2021 (Zenodo 4916206).
public struct CODE15Dataset: Sendable {
  public static let diagnoses = ["1dAVb", "RBBB", "LBBB", "SB", "ST", "AF"]
  public static let (normal, abnormal) = ("NORM", "ABNORMAL")

  public struct Exam: Sendable, Equatable {
    public let id: String
    /// Empty where the table does not say.
    public let patient: String
    /// Of the six diagnoses, and NORM or ABNORMAL; nil where the table leaves any of them open.
    public let labels: Set<String>?
    /// Name of the HDF5 file; empty where the table does not say.
    public let file: String
    /// The place in it; nil where that is not there.
    let place: Int?
  }

  public let name = "CODE-15%"
  /// Those whose tracings are there, or all of the table where none is and none is needed; in its order.
  public let exams: [Exam]
  /// Exams of the table whose tracings are not there.
  public let untraced: [String]
  /// Columns of diagnoses that are empty throughout.
  public let emptyColumns: [String]
  /// What a user should know about what was read, a line each.
  public let remarks: [String]
  private let files: [String: TracingFile]

  /// - Parameter needsTracings: whether exams are read; where not, a folder without any file of tracings stands for all exams
  ///   of its table. One with some of them holds the same exams in both cases.
  /// - Throws: `UserError`: no such folder, no table, a column or a tracings file that is missing or damaged, an exam that
  ///   occurs twice, no exam with a tracing.
  public init(path: URL, needsTracings: Bool = true) throws {
    let url = path.appendingPathComponent("exams.csv")
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw UserError(
        FileManager.default.fileExists(atPath: path.path) ? .badInput : .inputOutput,
        "\(path.path): there is no exams.csv",
        remedy: "give the folder of CODE-15%, which holds exams.csv and exams_part0.hdf5 and so on")
    }
    let table = try CSVTable(contentsOf: url)
    let rows = try Self.rows(table)
    guard !rows.isEmpty else {
      throw UserError(.badInput, "\(url.path) holds no exam", remedy: "take the exams.csv of the published data set")
    }
    var files: [String: TracingFile] = [:]
    for name in Set(rows.map(\.file)) {
      let file = path.appendingPathComponent(name)
      if !name.isEmpty, !name.contains("/"), FileManager.default.fileExists(atPath: file.path) {
        files[name] = try TracingFile(file)
      }
    }
    let places = files.mapValues { file in
      Dictionary(file.ids.enumerated().map { ("\($1)", $0) }, uniquingKeysWith: { first, _ in first })
    }
    let isTableAlone = files.isEmpty && !needsTracings
    exams = rows.compactMap { row -> Exam? in
      let place = places[row.file]?[row.id]
      guard isTableAlone || place != nil else { return nil }
      return Exam(id: row.id, patient: row.patient, labels: row.labels, file: row.file, place: place)
    }
    guard !exams.isEmpty else {
      throw UserError(
        .badInput, "\(path.path): none of the \(rows.count) exams of exams.csv has its tracing in this folder",
        remedy: "put the files of its column trace_file there (unpacked: exams_part0.hdf5 and so on)")
    }
    self.files = files
    let found = Set(exams.map(\.id))
    untraced = rows.map(\.id).filter { !found.contains($0) }
    emptyColumns = try (Self.diagnoses + ["normal_ecg"]).filter { name in
      let column = try table.column(name)
      return table.rows.allSatisfy { $0.fields[column].isEmpty }
    }
    let open = exams.count { $0.labels == nil }
    remarks = [
      isTableAlone ? "\(name): no tracings are in the folder, so that all exams of its table count" : nil,
      untraced.isEmpty
        ? nil
        : "\(name): \(untraced.count) of \(rows.count) exams have no tracing in the folder and are left out: "
          + UserError.some(untraced),
      open > 0 ? "\(name): the diagnoses of \(open) of \(exams.count) exams are not filled in" : nil,
    ].compactMap { $0 }
  }

  private struct Row {
    let id: String
    let patient: String
    let labels: Set<String>?
    let file: String
  }

  private static func rows(_ table: CSVTable) throws -> [Row] {
    let columns = try ["exam_id", "trace_file"].map(table.column)
    let patient = table.header.firstIndex(of: "patient_id")
    let flags = try (diagnoses + ["normal_ecg"]).map { ($0, try table.column($0)) }
    var seen = Set<String>()
    return try table.rows.map { row in
      let id = row.fields[columns[0]]
      guard Int(id) != nil else { throw table.failure(row, "exam_id \"\(id)\" is not a number") }
      guard seen.insert(id).inserted else { throw table.failure(row, "exam_id \(id) occurs twice") }
      let values = try flags.map { name, column in
        (name: name, holds: try flag(row.fields[column]) { table.failure(row, "\(name) is neither True nor False") })
      }
      let present = values.filter { $0.holds == true }.map { $0.name == "normal_ecg" ? normal : $0.name }
      let labels = Set(present).union(present.contains(normal) ? [] : [abnormal])
      return Row(
        id: id, patient: patient.map { row.fields[$0] } ?? "",
        labels: values.contains { $0.holds == nil } ? nil : labels, file: row.fields[columns[1]])
    }
  }

  /// True or false; nil where nothing is filled in.
  private static func flag(_ text: String, _ failure: () -> UserError) throws -> Bool? {
    switch text.lowercased() {
    case "": return nil
    case "true", "1", "1.0": return true
    case "false", "0", "0.0": return false
    default: throw failure()
    }
  }

  /// The recording of an exam. Safe to call from several threads.
  /// - Throws: `UserError` naming file and exam.
  public func record(_ exam: Exam) throws -> ECGRecord {
    guard let file = files[exam.file], let place = exam.place else {
      throw UserError(.internalFault, "exam \(exam.id) is of another data set, or was opened without its tracing")
    }
    return try file.record(at: place)
  }
}
