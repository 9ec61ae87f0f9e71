import Foundation
import Tensors

/// Reads WFDB records, the format of PhysioNet: a text header and binary signal files beside it.
///
/// Formats 16, 24, 32, 80 and 212, with byte offsets (16+24 is the challenges' `.mat`), several interleaved signals
/// in a file and several files in a record. Sixteen-bit checksums are verified. Refused with a message: several
/// segments, several samples per frame, skew, other formats.
public struct WFDBReader {
  /// Largest header that is read; real ones have a few kilobytes.
  private static let headerLimit = 4 << 20

  /// The comment lines of a header, without the sign: what is known of a record without its signal.
  /// - Throws: `UserError` with file, fault and remedy.
  public static func comments(of header: URL) throws -> [String] { try readHeader(header).comments }

  /// Reads the standard leads of a record; signals that are no ECG lead are left out.
  /// - Parameter path: the record, with or without `.hea` (or its `.dat` or `.mat` file).
  /// - Returns: signal in mV; samples the recorder marked invalid are NaN.
  /// - Throws: `UserError` with file, fault and remedy.
  public static func read(_ path: URL) throws -> ECGRecord {
    let record = ["hea", "dat", "mat"].contains(path.pathExtension) ? path.deletingPathExtension() : path
    let headerFile = record.appendingPathExtension("hea")
    let header = try readHeader(headerFile)
    let reader = WFDBReader(folder: record.deletingLastPathComponent(), headerName: headerFile.path, header: header)
    let digital = try reader.digitalSignals()
    var leads: [Lead] = []
    var signal: [[Float]] = []
    for (info, samples) in zip(header.signals, digital) {
      guard let lead = Lead(name: info.description) else { continue }
      guard !leads.contains(lead) else {
        throw UserError(
          .badInput, "\(headerFile.path): lead \(lead.rawValue) occurs twice",
          remedy: "rename or remove one of the two signals")
      }
      leads.append(lead)
      signal.append(try reader.millivolts(samples, info))
    }
    guard !leads.isEmpty else {
      let names = header.signals.prefix(8).map { "\"\($0.description)\"" }.joined(separator: ", ")
      throw UserError(
        .badInput, "\(headerFile.path): no signal is an ECG lead (\(names))",
        remedy: "name the signals I, II, III, aVR, aVL, aVF, V1 to V6")
    }
    return ECGRecord(
      name: record.lastPathComponent, samplingRate: header.samplingRate, leads: leads, signal: signal,
      comments: header.comments)
  }

  private let folder: URL
  private let headerName: String
  private let header: WFDBHeader

  private static func readHeader(_ file: URL) throws -> WFDBHeader {
    let bytes = try contents(of: file, limit: headerLimit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw UserError(
        .badInput, "\(file.path): the header is not UTF-8 text",
        remedy: "convert it, for instance with iconv -f latin1 -t utf-8, or fetch it again")
    }
    return try WFDBHeader(text: text, file: file.path)
  }

  /// The digital values of every signal, in header order.
  private func digitalSignals() throws -> [[Int32]] {
    var result: [[Int32]] = []
    var seen: Set<String> = []
    var count = header.sampleCount
    var start = 0
    while start < header.signals.count {
      let first = header.signals[start]
      let group = header.signals[start...].prefix { $0.file == first.file }
      guard seen.insert(first.file).inserted else {
        throw UserError(
          .badInput, "\(headerName): the signals of \(first.file) are not listed one after another",
          remedy: "correct the order of the signal lines")
      }
      guard group.allSatisfy({ $0.format == first.format && $0.byteOffset == first.byteOffset }) else {
        throw UserError(
          .badInput, "\(headerName): the signals of \(first.file) differ in format or byte offset",
          remedy: "correct the header; signals that share a file are interleaved in one format")
      }
      let signals = try readGroup(Array(group), count: count)
      count = signals[0].count
      result += signals
      start = group.endIndex
    }
    return result
  }

  /// Reads, separates and verifies the signals of one file.
  private func readGroup(_ group: [WFDBHeader.Signal], count: Int?) throws -> [[Int32]] {
    let info = group[0]
    let file = folder.appendingPathComponent(info.file)
    let bytes = try Self.contents(of: file, limit: .max, neededBy: headerName)
    let available = info.format.sampleCount(bytes: max(0, bytes.count - info.byteOffset)) / group.count
    let samples = count ?? available
    let (total, overflow) = samples.multipliedReportingOverflow(by: group.count)
    guard !overflow, let needed = info.format.byteCount(samples: total), needed <= bytes.count - info.byteOffset else {
      throw UserError(
        .badInput,
        "\(file.path): the header announces \(samples) samples of \(group.count) signals, the file holds \(available)",
        remedy: "the file is cut off or the header is wrong; fetch both again")
    }
    guard samples > 0 else {
      throw UserError(.badInput, "\(file.path): the file holds no samples", remedy: "fetch it again")
    }
    let stream = info.format.decode(bytes, offset: info.byteOffset, count: total)
    return try group.enumerated().map { position, signal in
      let values = (0..<samples).map { stream[$0 * group.count + position] }
      try verify(values, signal, file: file.path)
      return values
    }
  }

  /// Compares the samples with the header's checksum, or else with its initial value.
  ///
  /// The standard gives the initial value a meaning for difference formats only, so it does not overrule a checksum.
  private func verify(_ values: [Int32], _ info: WFDBHeader.Signal, file: String) throws {
    if let expected = info.checksum {
      let sum = values.reduce(UInt16(0)) { $0 &+ UInt16(truncatingIfNeeded: $1) }
      guard sum != expected else { return }
      throw UserError(
        .badInput, "\(file): checksum of lead \(info.description) is \(sum), the header says \(expected)",
        remedy: "the file is damaged or does not belong to the header; fetch both again")
    }
    if let expected = info.initialValue, let first = values.first, Int(first) != expected {
      throw UserError(
        .badInput, "\(file): lead \(info.description) begins with \(first), the header says \(expected)",
        remedy: "the file is damaged or does not belong to the header; fetch both again")
    }
  }

  /// (digital - baseline) / gain, converted to mV.
  private func millivolts(_ samples: [Int32], _ info: WFDBHeader.Signal) throws -> [Float] {
    let perMillivolt: [String: Double] = ["mv": 1, "uv": 1000, "µv": 1000, "μv": 1000, "v": 0.001, "nv": 1_000_000]
    guard let unit = perMillivolt[info.units.lowercased()] else {
      throw UserError(
        .badInput, "\(headerName): lead \(info.description) has the unit \"\(info.units)\"",
        remedy: "an ECG lead is read in V, mV, uV or nV")
    }
    let scale = 1 / (info.gain * unit)
    let invalid = info.format.invalidSample
    return samples.map { $0 == invalid ? .nan : Float((Double($0) - Double(info.baseline)) * scale) }
  }

  /// The bytes of a regular file of at most `limit` bytes.
  private static func contents(of file: URL, limit: Int, neededBy header: String? = nil) throws -> [UInt8] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue else {
      let source = header.map { " (named in \($0))" } ?? ""
      // A header without its signal file is an incomplete record; without a header there is nothing to read at all.
      throw UserError(
        header == nil ? .inputOutput : .badInput, "\(file.path): no such file\(source)",
        remedy: "a record needs its .hea header and its signal files in one folder; check the path")
    }
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)
      let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
      guard attributes[.type] as? FileAttributeType == .typeRegular, size <= limit else {
        throw UserError(
          .badInput, "\(file.path): not a regular file of at most \(limit) bytes", remedy: "check the path")
      }
      return [UInt8](try Data(contentsOf: file))
    } catch let error as UserError {
      throw error
    } catch {
      throw UserError(
        .inputOutput, "\(file.path): cannot be read: \(error.localizedDescription)", remedy: "check its permissions")
    }
  }
}
