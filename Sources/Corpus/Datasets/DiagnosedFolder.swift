import Cardiology
import Foundation
import Tensors

/// A diagnosis of the PhysioNet challenges: `IAVB(1st degree av block)`.
public struct Diagnosis: Sendable, Hashable {
  /// SNOMED CT.
  public let code: String
  public let abbreviation: String
  public let name: String

  /// As ECGBench writes it.
  public var text: String { "\(abbreviation)(\(name))" }
}

/// WFDB records below a folder whose headers name diagnoses by SNOMED CT code (`#Dx: 164889003,59118001`), as those of the
/// PhysioNet challenges: CPSC 2018, Georgia (G12EC), Chapman-Shaoxing and Ningbo (CSN).
///
/// Codes are named by the challenges' tables, `dx_mapping_scored.csv` and `dx_mapping_unscored.csv`, in the folder or the
/// one above. Source: Alday et al., "Classification of 12-lead ECGs", 2020; Reyna et al., 2021.
public struct DiagnosedFolder: Sendable {
  public struct Record: Sendable, Equatable {
    /// Path below the folder, without suffix.
    public let id: String
    /// In the header's order.
    public let diagnoses: [Diagnosis]
  }

  public let name: String
  /// Those with a diagnosis, in the order of their paths.
  public let records: [Record]
  /// Names of the records without one.
  public let undiagnosed: [String]
  /// Every diagnosis of the tables, by code.
  public let table: [Diagnosis]
  /// The diagnoses of dx_mapping_scored.csv in its order, those that it says are scored as the same in one class.
  public let scoredClasses: [[Diagnosis]]
  /// What a user should know about what was read, a line each.
  public let remarks: [String]

  /// - Parameter needsTables: whether codes have to be named.
  /// - Throws: `UserError`: no such folder, no record, no table, a damaged header or table, no record with a diagnosis.
  public init(_ folder: URL, needsTables: Bool = true) throws {
    name = folder.lastPathComponent
    let paths = try WFDBFolderDataset.records(in: folder)
    let files = Self.tables(near: folder)
    guard !files.isEmpty || !needsTables else {
      throw UserError(
        .badInput, "\(folder.path): neither here nor in the folder above is a dx_mapping_scored.csv",
        remedy: "put the tables of the PhysioNet challenge there (dx_mapping_scored.csv, dx_mapping_unscored.csv)")
    }
    let rows = try files.map { (isScored: $0.lastPathComponent == Self.scoredName, rows: try Self.rows(of: $0)) }
    let table = rows.flatMap { $0.rows.map(\.diagnosis) }
    scoredClasses = Self.classes(rows.filter(\.isScored).flatMap(\.rows))
    let byCode = Dictionary(table.map { ($0.code, $0) }, uniquingKeysWith: { first, _ in first })
    var (records, unnamed, undiagnosed): ([Record], Set<String>, [String]) = ([], [], [])
    for path in paths {
      let header = folder.appendingPathComponent(path + ".hea")
      let codes = Self.codes(try WFDBReader.comments(of: header))
      if codes.isEmpty { undiagnosed.append(path) }
      unnamed.formUnion(codes.filter { byCode[$0] == nil })
      let diagnoses = codes.map { byCode[$0] ?? Diagnosis(code: $0, abbreviation: $0, name: "SNOMED CT \($0)") }
      if !diagnoses.isEmpty { records.append(Record(id: path, diagnoses: diagnoses)) }
    }
    guard !records.isEmpty else {
      throw UserError(
        .badInput, "\(folder.path): none of the \(paths.count) headers has a line #Dx with a code",
        remedy: "give a folder of the PhysioNet challenges' records")
    }
    (self.records, self.undiagnosed, self.table) = (records, undiagnosed, table)
    remarks = [
      undiagnosed.isEmpty
        ? nil
        : "\(name): \(undiagnosed.count) of \(paths.count) records have no diagnosis and are left out: "
          + UserError.some(undiagnosed),
      unnamed.isEmpty || !needsTables
        ? nil : "\(name): codes that no table names: \(unnamed.sorted().joined(separator: ", "))",
    ].compactMap { $0 }
  }

  /// The codes of the line `Dx:`, each once.
  static func codes(_ comments: [String]) -> [String] {
    let lines = comments.filter { $0.hasPrefix("Dx:") }.flatMap { $0.dropFirst(3).split(separator: ",") }
    var seen = Set<String>()
    return lines.map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty && $0.allSatisfy(\.isNumber) && seen.insert($0).inserted }
  }

  private static let scoredName = "dx_mapping_scored.csv"

  private static func tables(near folder: URL) -> [URL] {
    let places = [
      folder, folder.standardizedFileURL.deletingLastPathComponent(),
      folder.resolvingSymlinksInPath().deletingLastPathComponent(),
    ]
    return [scoredName, "dx_mapping_unscored.csv"].compactMap { name in
      places.map { $0.appendingPathComponent(name) }.first { FileManager.default.fileExists(atPath: $0.path) }
    }
  }

  /// The diagnoses of a table, with the codes that its column of notes names.
  private static func rows(of file: URL) throws -> [(diagnosis: Diagnosis, noted: Set<String>)] {
    let table = try CSVTable(contentsOf: file)
    // The challenge of 2020 and that of 2021 spell it differently.
    let code = table.header.contains("SNOMEDCTCode") ? "SNOMEDCTCode" : "SNOMED CT Code"
    let columns = try [code, "Abbreviation", "Dx"].map(table.column)
    let notes = table.header.firstIndex(of: "Notes")
    return table.rows.map { row in
      let fields = columns.map { row.fields[$0].trimmingCharacters(in: .whitespaces) }
      let noted = notes.map { row.fields[$0].split { !$0.isNumber }.map(String.init) } ?? []
      let abbreviation = fields[1].isEmpty ? fields[0] : fields[1]
      return (Diagnosis(code: fields[0], abbreviation: abbreviation, name: fields[2]), Set(noted))
    }
  }

  /// Diagnoses whose notes name each other ("We score 713427006 and 59118001 as the same diagnosis.") together.
  private static func classes(_ rows: [(diagnosis: Diagnosis, noted: Set<String>)]) -> [[Diagnosis]] {
    var classes: [[Diagnosis]] = []
    for (diagnosis, noted) in rows {
      if let place = classes.firstIndex(where: { group in group.contains { noted.contains($0.code) } }) {
        classes[place].append(diagnosis)
      } else {
        classes.append([diagnosis])
      }
    }
    return classes
  }
}
