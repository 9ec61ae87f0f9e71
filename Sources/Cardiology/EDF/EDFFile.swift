import Foundation
import Tensors

/// A recording in the European Data Format: signals of 16-bit samples, each with a rate of its own, and the annotations of
/// EDF+. The whole file is in memory; safe to use from several threads.
///
/// A sample's physical value is (d - dmin) (pmax - pmin) / (dmax - dmin) + pmin. EDF and uninterrupted EDF+ (EDF+C) are read;
/// EDF+D and BDF are refused by name.
///
/// Sources: Kemp et al., "A simple format for exchange of digitized polygraphic recordings", 1992; Kemp and Olivan, "European
/// data format 'plus'", 2003.
public struct EDFFile: Sendable {
  public struct Signal: Sendable, Equatable {
    /// As the file has it: "EEG Fz".
    public let label: String
    /// Physical dimension: "uV".
    public let unit: String
    /// Hz.
    public let samplingRate: Double
    public let sampleCount: Int
  }

  public struct Annotation: Sendable, Equatable {
    /// Seconds from the first sample.
    public let onset: Double
    /// Seconds; nil where none is given.
    public let duration: Double?
    public let text: String
  }

  /// What errors call the file.
  public let name: String
  /// Those that hold samples; annotations are no signal.
  public let signals: [Signal]
  /// In the order of the file; empty for EDF without plus.
  public let annotations: [Annotation]
  /// Seconds.
  public let duration: Double
  private let bytes: [UInt8]
  private let header: EDFHeader
  private let records: Int
  /// The header's channel of each signal.
  private let places: [Int]

  /// - Throws: `UserError` of kind inputOutput where the file cannot be read; badInput, naming the field, where it is no EDF
  ///   file, is damaged, cut short or of a form that is not read.
  public init(_ url: URL) throws {
    let data: Data
    do { data = try Data(contentsOf: url) } catch {
      throw UserError(
        .inputOutput, "\(url.path): cannot be read: \(error.localizedDescription)", remedy: "check path and permissions"
      )
    }
    try self.init([UInt8](data), name: url.path)
  }

  init(_ bytes: [UInt8], name: String) throws {
    let header = try EDFHeader(bytes, file: name)
    let held = bytes.count - header.length
    // A recorder that was cut off never fills the number in; what it wrote in full counts.
    let records = header.records ?? held / header.recordLength
    let (expected, overflow) = records.multipliedReportingOverflow(by: header.recordLength)
    guard !overflow, header.records == nil || held == expected else {
      throw Self.fault(
        name,
        "its header says \(records) data records of \(header.recordLength) bytes, and \(held) bytes follow"
          + (held < expected ? "; it is cut short" : ""))
    }
    let channels = header.channels.indices
    let isAnnotations = channels.map { header.isPlus && header.channels[$0].label == EDFHeader.annotationsLabel }
    places = channels.filter { !isAnnotations[$0] }
    signals = places.map { place in
      let channel = header.channels[place]
      return Signal(
        label: channel.label, unit: channel.unit,
        samplingRate: Double(channel.samples) / header.recordDuration, sampleCount: channel.samples * records)
    }
    (self.bytes, self.header, self.records, self.name) = (bytes, header, records, name)
    duration = Double(records) * header.recordDuration
    var timeline = EDFTimeline(file: name)
    for record in 0..<records {
      for place in channels where isAnnotations[place] {
        try timeline.add(bytes[Self.extent(of: place, record: record, header)], record: record)
      }
    }
    annotations = timeline.annotations
  }

  /// Where a channel's samples of a data record lie.
  private static func extent(of channel: Int, record: Int, _ header: EDFHeader) -> Range<Int> {
    let before = header.channels[..<channel].reduce(0) { $0 + 2 * $1.samples }
    let start = header.length + record * header.recordLength + before
    return start..<start + 2 * header.channels[channel].samples
  }

  /// The physical values of a signal, in its unit. - Complexity: O(samples).
  public func samples(of signal: Int) -> [Float] {
    let (place, channel) = (places[signal], header.channels[places[signal]])
    let (digital, physical) = (channel.digital, channel.physical)
    let gain = (physical.largest - physical.least) / Double(digital.largest - digital.least)
    var values: [Float] = []
    values.reserveCapacity(signals[signal].sampleCount)
    for record in 0..<records {
      let extent = Self.extent(of: place, record: record, header)
      for low in stride(from: extent.lowerBound, to: extent.upperBound, by: 2) {
        let sample = Int16(bitPattern: UInt16(bytes[low]) | UInt16(bytes[low + 1]) << 8)
        values.append(Float((Double(sample) - Double(digital.least)) * gain + physical.least))
      }
    }
    return values
  }

  /// An error about what the file holds.
  static func fault(_ file: String, _ what: String) -> UserError {
    UserError(.badInput, "\(file): \(what)", remedy: "fetch the file again; it is damaged or cut short")
  }
}

/// The annotations of EDF+, record by record.
///
/// Each record's first list begins with the record's own time and no text; times count from the first record's.
private struct EDFTimeline {
  let file: String
  private var start: Double?
  private(set) var annotations: [EDFFile.Annotation] = []

  init(file: String) { self.file = file }

  /// Reads the time-stamped lists of one record: onset, perhaps 0x15 and a duration, then texts, each ended by 0x14; a zero
  /// byte ends a list.
  mutating func add(_ bytes: ArraySlice<UInt8>, record: Int) throws {
    for list in bytes.split(separator: 0) {
      let parts = list.split(separator: 0x14, omittingEmptySubsequences: false)
      let times = parts[0].split(separator: 0x15, maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count >= 2, parts.last?.isEmpty == true, "+-".utf8.contains(times[0].first ?? 0),
        let onset = seconds(times[0])
      else { throw EDFFile.fault(file, "an annotation in data record \(record + 1) is damaged") }
      var duration: Double?
      if times.count == 2 {
        guard let given = seconds(times[1]), given >= 0 else {
          throw EDFFile.fault(file, "the duration of an annotation in data record \(record + 1) is damaged")
        }
        duration = given
      }
      if start == nil { start = onset }
      for text in parts.dropFirst().dropLast() where !text.isEmpty {
        annotations.append(
          .init(onset: onset - (start ?? 0), duration: duration, text: String(decoding: text, as: UTF8.self)))
      }
    }
  }

  private func seconds(_ bytes: ArraySlice<UInt8>) -> Double? {
    guard bytes.allSatisfy({ "0123456789+-.".utf8.contains($0) }) else { return nil }
    return Double(String(decoding: bytes, as: UTF8.self)).flatMap { $0.isFinite ? $0 : nil }
  }
}
