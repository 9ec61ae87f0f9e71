import Foundation

@testable import Cardiology

/// A small record written by the tests: any format, several signals interleaved in one file.
struct WFDBTestRecord {
  var format: WFDBSampleFormat
  /// Digital values, [signal][sample].
  var digital: [[Int]]
  var names: [String]
  var byteOffset = 0
  var calibration = "200(0)/mV"
  /// Added to the correct checksums.
  var checksumError = 0

  func header(_ name: String) -> String {
    let offset = byteOffset > 0 ? "+\(byteOffset)" : ""
    let lines = zip(digital, names).map { values, lead -> String in
      let sum = Int16(truncatingIfNeeded: values.reduce(0, +) + checksumError)
      return "\(name).dat \(format.rawValue)\(offset) \(calibration) 16 0 \(values.first ?? 0) \(sum) 0 \(lead)"
    }
    return "\(name) \(names.count) 250 \(digital[0].count)\n" + lines.joined(separator: "\n") + "\n# Dx: 1\n#Age: 2\n"
  }

  var bytes: [UInt8] {
    let stream = (0..<digital[0].count).flatMap { index in digital.map { $0[index] } }
    return [UInt8](repeating: 0xEE, count: byteOffset) + Self.encode(stream, format)
  }

  static func encode(_ stream: [Int], _ format: WFDBSampleFormat) -> [UInt8] {
    func low(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    switch format {
    case .format80: return stream.map { UInt8(truncatingIfNeeded: $0 + 128) }
    case .format16: return stream.flatMap { low($0, 2) }
    case .format24: return stream.flatMap { low($0, 3) }
    case .format32: return stream.flatMap { low($0, 4) }
    case .format212:
      return stride(from: 0, to: stream.count, by: 2).flatMap { index -> [UInt8] in
        let first = stream[index] & 0xFFF
        guard index + 1 < stream.count else { return low(first, 2) }
        let second = stream[index + 1] & 0xFFF
        return [UInt8(first & 0xFF), UInt8(first >> 8 | (second >> 8) << 4), UInt8(second & 0xFF)]
      }
    }
  }

  /// Writes header and signal file; returns the record's path without extension.
  func write(to folder: URL, name: String = "r") throws -> URL {
    try Data(header(name).utf8).write(to: folder.appendingPathComponent("\(name).hea"))
    try Data(bytes).write(to: folder.appendingPathComponent("\(name).dat"))
    return folder.appendingPathComponent(name)
  }
}
