import Foundation
import TestSupport

@testable import Evaluation

/// The generator of inputs shared with expected_values.py.
struct Congruential {
  private var state: Int

  init(_ seed: Int) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state = (state * 1_103_515_245 + 12345) % (1 << 31)
    return (state >> 8) % bound
  }
}

func names(_ count: Int) -> [String] { (0..<count).map { "record\($0)" } }

func close(_ value: Double?, _ expected: Double?, within tolerance: Double = 1e-12) -> Bool {
  guard let value, let expected else { return value == nil && expected == nil }
  return abs(value - expected) <= tolerance
}

/// Rows of a CSV text with quoted fields, the header first.
func rows(ofCSV text: String) -> [[String]] {
  var rows = [[""]]
  var quoted = false
  for character in text {
    let last = rows.count - 1
    switch character {
    case "\"": quoted.toggle()
    case "," where !quoted: rows[last].append("")
    case "\n" where !quoted, "\r\n" where !quoted: rows.append([""])
    default: rows[last][rows[last].count - 1].append(character)
    }
  }
  return rows.filter { $0 != [""] }
}

func rows(ofShared path: String) throws -> [[String]] {
  rows(ofCSV: try String(contentsOf: SharedFiles.url(path), encoding: .utf8))
}

/// The superclasses of each record of one PTB-XL fold, by ecg_id.
func superclasses(ofFold fold: String) throws -> [(id: String, labels: Set<String>)] {
  let statements = try rows(ofShared: "data/ptb-xl/scp_statements.csv")
  let classOf = Dictionary(
    statements.dropFirst().filter { $0[2] == "1.0" }.map { ($0[0], $0[5]) }, uniquingKeysWith: { first, _ in first })
  let table = try rows(ofShared: "data/ptb-xl/ptbxl_database.csv")
  guard let codes = table[0].firstIndex(of: "scp_codes"), let folds = table[0].firstIndex(of: "strat_fold") else {
    return []
  }
  return table.dropFirst().filter { $0[folds] == fold }.map { row in
    let keys = row[codes].split(separator: "'").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    return (row[0], Set(keys.compactMap { classOf[$0] }))
  }
}
