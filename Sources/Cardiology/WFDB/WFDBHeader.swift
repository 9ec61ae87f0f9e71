import Foundation
import Tensors

/// The text header of a WFDB record: record line, one line per signal, comments.
///
/// Source: WFDB Applications Guide, header(5).
struct WFDBHeader {
  /// One signal line.
  struct Signal: Equatable {
    var file: String
    var format: WFDBSampleFormat
    /// Bytes before the first sample (24 for the MATLAB files of the PhysioNet challenges).
    var byteOffset: Int
    /// Digital units per physical unit.
    var gain: Double
    /// Digital value of 0 physical units.
    var baseline: Int
    /// Physical unit as the file spells it.
    var units: String
    /// First digital value, where the file states it.
    var initialValue: Int?
    /// Sum of all digital values modulo 65536, where the file states it.
    var checksum: UInt16?
    var description: String
  }

  var samplingRate: Double
  /// Samples per signal, or nil where only the signal file's length tells.
  var sampleCount: Int?
  var signals: [Signal]
  var comments: [String]

  /// - Parameters:
  ///   - text: the whole header.
  ///   - file: its name, for messages.
  /// - Throws: `UserError` (bad input) with file, line and remedy.
  init(text: String, file: String) throws {
    var lines: [(number: Int, text: Substring)] = []
    comments = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let content = line.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
      if content.hasPrefix("#") {
        comments.append(content.dropFirst().trimmingCharacters(in: .whitespaces))
      } else if !content.isEmpty {
        lines.append((index + 1, content))
      }
    }
    guard let first = lines.first else {
      throw UserError(.badInput, "\(file): the header is empty", remedy: "fetch the record again")
    }
    let record = try RecordLine(Fields(first.text, file: file, line: first.number))
    samplingRate = record.samplingRate
    sampleCount = record.sampleCount
    guard lines.count - 1 == record.signalCount else {
      throw UserError(
        .badInput, "\(file): \(record.signalCount) signals announced, \(lines.count - 1) signal lines found",
        remedy: "the header is damaged or cut off; fetch it again")
    }
    signals = try lines.dropFirst().map { try Signal(Fields($0.text, file: file, line: $0.number)) }
  }

  /// First line: name, number of signals, sampling rate, number of samples.
  private struct RecordLine {
    var signalCount: Int
    var samplingRate: Double
    var sampleCount: Int?

    init(_ fields: Fields) throws {
      if let name = fields[0], name.contains("/") {
        throw UserError(
          .badInput, "\(fields.place): record \(name) has several segments, which are not read",
          remedy: "join the segments into one record first (for instance with xform or wfdb's wrsamp)")
      }
      guard let signalText = fields[1], let count = Int(signalText), count >= 0 else {
        throw fields.damaged("number of signals", at: 1)
      }
      guard count > 0 else {
        throw UserError(
          .badInput, "\(fields.place): the record has 0 signals", remedy: "a record with at least one lead is needed")
      }
      signalCount = count
      // "fs/counter(base)": only the sampling rate matters here; the standard's default is 250 Hz.
      let rate = fields[2]?.prefix { $0 != "/" && $0 != "(" } ?? "250"
      guard let hertz = Double(rate), hertz >= 1, hertz <= 1e6 else {
        throw fields.damaged("sampling rate (1 to 1000000 Hz)", at: 2)
      }
      samplingRate = hertz
      if let text = fields[3] {
        guard let count = Int(text), count >= 0 else { throw fields.damaged("number of samples", at: 3) }
        sampleCount = count == 0 ? nil : count
      }
    }
  }

  /// The white-space separated fields of one line, and where they stand.
  struct Fields {
    let parts: [Substring]
    let place: String

    init(_ line: Substring, file: String, line number: Int) {
      // Nine fields: the ninth of a signal line is its description, which may contain blanks.
      parts = line.split(maxSplits: 8, whereSeparator: \.isWhitespace)
      place = "\(file) line \(number)"
    }

    subscript(index: Int) -> String? { index < parts.count ? String(parts[index]) : nil }

    func damaged(_ what: String, at index: Int) -> UserError {
      UserError(
        .badInput, "\(place): \(what) expected, found \"\((self[index] ?? "nothing").prefix(40))\"",
        remedy: "correct the header or fetch it again")
    }

    /// An optional integer: nil where the line ends before it.
    func integer(_ index: Int, _ what: String) throws -> Int? {
      guard let text = self[index] else { return nil }
      guard let value = Int(text), value.magnitude <= 1 << 32 else { throw damaged(what, at: index) }
      return value
    }
  }
}

extension WFDBHeader.Signal {
  /// Gain the standard prescribes where a header states none (or 0): 200 units per mV.
  static let defaultGain = 200.0

  init(_ fields: WFDBHeader.Fields) throws {
    guard let name = fields[0], name != "-", name != "~", !name.hasPrefix("/"), !name.contains("..") else {
      throw fields.damaged("name of a signal file in the record's folder", at: 0)
    }
    file = name
    (format, byteOffset) = try Self.storage(fields)
    let adcZero = try fields.integer(4, "ADC zero") ?? 0
    (gain, baseline, units) = try Self.calibration(fields, adcZero: adcZero)
    _ = try fields.integer(3, "ADC resolution")
    initialValue = try fields.integer(5, "initial value")
    // Written signed by some programs and unsigned by others.
    checksum = try fields.integer(6, "checksum").map { UInt16(truncatingIfNeeded: $0) }
    _ = try fields.integer(7, "block size")
    description = fields[8]?.trimmingCharacters(in: .whitespaces) ?? ""
  }

  /// Field 1: `format[x samples per frame][: skew][+ byte offset]`.
  private static func storage(_ fields: WFDBHeader.Fields) throws -> (WFDBSampleFormat, Int) {
    guard let text = fields[1] else { throw fields.damaged("storage format", at: 1) }
    var rest = text[...]
    func digits() -> Int? {
      let run = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(run.count)
      return Int(run)
    }
    guard let code = digits() else { throw fields.damaged("storage format", at: 1) }
    guard let format = WFDBSampleFormat(rawValue: code) else {
      let known = WFDBSampleFormat.allCases.map { String($0.rawValue) }.joined(separator: ", ")
      throw UserError(
        .badInput, "\(fields.place): storage format \(code) is not read",
        remedy: "convert the record to one of the formats \(known)")
    }
    var offset = 0
    while let sign = rest.popFirst() {
      guard let value = digits(), value <= 1 << 40 else { throw fields.damaged("storage format", at: 1) }
      switch sign {
      case "x" where value > 1:
        throw UserError(
          .badInput, "\(fields.place): \(value) samples per frame; leads of different sampling rates are not read",
          remedy: "write all leads at one sampling rate first")
      case ":" where value > 0:
        throw UserError(
          .badInput, "\(fields.place): a skew of \(value) samples is not read",
          remedy: "remove the skew first (for instance with xform)")
      case "x", ":": break
      case "+": offset = value
      default: throw fields.damaged("storage format", at: 1)
      }
    }
    return (format, offset)
  }

  /// Field 2: `gain[(baseline)][/units]`.
  private static func calibration(
    _ fields: WFDBHeader.Fields, adcZero: Int
  ) throws -> (gain: Double, baseline: Int, units: String) {
    guard let text = fields[2] else { return (defaultGain, adcZero, "mV") }
    let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let units = halves.count > 1 && !halves[1].isEmpty ? String(halves[1]) : "mV"
    let numbers = halves[0].split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
    guard let gain = Double(numbers[0]), gain.isFinite else { throw fields.damaged("gain", at: 2) }
    var baseline = adcZero
    if numbers.count > 1 {
      guard numbers[1].last == ")", let value = Int(numbers[1].dropLast()), value.magnitude <= 1 << 32 else {
        throw fields.damaged("baseline in parentheses", at: 2)
      }
      baseline = value
    }
    return (gain == 0 ? defaultGain : gain, baseline, units)
  }
}
