import Foundation
import Tensors

/// The header of an EDF file: 256 bytes of the recording, then 256 bytes of each signal, all numbers written as text.
struct EDFHeader: Sendable {
  /// What the header says of one signal.
  struct Channel: Sendable {
    var label = ""
    var unit = ""
    /// Physical values of the least and the largest digital value.
    var physical = (least: 0.0, largest: 1.0)
    var digital = (least: 0, largest: 1)
    /// In each data record.
    var samples = 0
  }

  /// Length of what every file has, and of what each signal adds.
  static let block = 256
  static let annotationsLabel = "EDF Annotations"
  /// Of a data record, s, and physical values, between which nothing runs over.
  private static let (durations, values) = (1e-6...1e6, -1e30...1e30)

  let channels: [Channel]
  /// Data records; nil where the recorder never filled the number in.
  let records: Int?
  /// Of a data record, s.
  let recordDuration: Double
  /// Whether it is EDF+ without interruptions, which may have annotations.
  let isPlus: Bool

  /// Bytes of the header, and of a data record.
  var length: Int { Self.block * (channels.count + 1) }
  var recordLength: Int { channels.reduce(0) { $0 + 2 * $1.samples } }

  /// - Throws: `UserError` (bad input) naming the file and the field at fault.
  init(_ bytes: [UInt8], file: String) throws {
    var fields = EDFFields(bytes: bytes, file: file)
    guard bytes.count >= Self.block, bytes.starts(with: "0       ".utf8) else { throw Self.noEDF(bytes, file) }
    fields.skip(8 + 80 + 80 + 8 + 8)
    let length = try fields.whole("the length of the header", 8)
    let form = fields.text(44)
    records = try fields.count("the number of data records", 8, orUnknown: -1)
    recordDuration = try fields.number("the duration of a data record", 8)
    let signals = try fields.whole("the number of signals", 4)
    guard !form.hasPrefix("EDF+D") else {
      throw UserError(
        .badInput, "\(file): EDF+D, a recording with interruptions, is not read here",
        remedy: "write each uninterrupted part as EDF+C or EDF, for instance with EDFbrowser")
    }
    isPlus = form.hasPrefix("EDF+C")
    guard signals >= 1, length == Self.block * (signals + 1) else {
      throw fields.fault(
        "its header says that it has \(signals) signals and is \(length) bytes long, which do not agree")
    }
    guard length <= bytes.count else {
      throw fields.fault("it is cut short: \(bytes.count) bytes, and its header alone has \(length)")
    }
    channels = try Self.channels(signals, &fields)
    let onlyAnnotations = isPlus && channels.allSatisfy { $0.label == Self.annotationsLabel }
    guard Self.durations.contains(recordDuration) || onlyAnnotations && recordDuration == 0 else {
      throw fields.fault("a data record lasts \(recordDuration) s")
    }
  }

  /// Each field is there for all signals before the next one begins.
  private static func channels(_ count: Int, _ fields: inout EDFFields) throws -> [Channel] {
    var channels = [Channel](repeating: Channel(), count: count)
    for index in channels.indices { channels[index].label = fields.text(16) }
    fields.skip(80 * count)
    for index in channels.indices { channels[index].unit = fields.text(8) }
    func name(_ index: Int) -> String { "signal \(index + 1) (\(channels[index].label))" }
    for index in channels.indices {
      channels[index].physical.least = try fields.number("the physical minimum of \(name(index))", 8)
    }
    for index in channels.indices {
      channels[index].physical.largest = try fields.number("the physical maximum of \(name(index))", 8)
    }
    for index in channels.indices {
      channels[index].digital.least = try fields.whole("the digital minimum of \(name(index))", 8)
    }
    for index in channels.indices {
      channels[index].digital.largest = try fields.whole("the digital maximum of \(name(index))", 8)
    }
    fields.skip(80 * count)
    for index in channels.indices {
      channels[index].samples = try fields.count("the samples in a record of \(name(index))", 8)
    }
    for (index, channel) in channels.enumerated() {
      let (digital, physical) = (channel.digital, channel.physical)
      guard digital.least < digital.largest, digital.least >= -32768, digital.largest <= 32767 else {
        throw fields.fault("\(name(index)): the digital range is \(digital.least) to \(digital.largest)")
      }
      let isRange = values.contains(physical.least) && values.contains(physical.largest)
      guard isRange, physical.least != physical.largest, channel.samples > 0 else {
        throw fields.fault(
          "\(name(index)): \(channel.samples) samples in a record, physical range \(physical.least) to \(physical.largest)"
        )
      }
    }
    return channels
  }

  private static func noEDF(_ bytes: [UInt8], _ file: String) -> UserError {
    let isBDF = bytes.first == 0xFF && bytes.dropFirst().starts(with: "BIOSEMI".utf8)
    return UserError(
      .badInput,
      isBDF
        ? "\(file): BDF, with samples of 24 bits, is not read here"
        : "\(file) is not an EDF file: it does not begin as one, or is shorter than its header",
      remedy: isBDF ? "write it as EDF, for instance with EDFbrowser" : "name an EDF or EDF+ file, or fetch it again")
  }
}

/// The fields of a header, one behind the other: text, padded with spaces.
private struct EDFFields {
  let bytes: [UInt8]
  let file: String
  var place = 0

  mutating func skip(_ count: Int) { place += count }

  /// Latin-1 without its padding, as files have it in spite of the rule to write ASCII; control characters become "?".
  mutating func text(_ width: Int) -> String {
    defer { place += width }
    let scalars = bytes[place..<place + width].map { byte -> UnicodeScalar in
      byte == 0 ? " " : (0x20...0x7E).contains(byte) || byte >= 0xA0 ? UnicodeScalar(byte) : "?"
    }
    return String(String.UnicodeScalarView(scalars)).trimmingCharacters(in: CharacterSet(charactersIn: " "))
  }

  mutating func number(_ name: String, _ width: Int) throws -> Double {
    let text = text(width)
    let isPlain = text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
    guard isPlain, let value = Double(text), value.isFinite else {
      throw fault("\(name) is \"\(text)\", which is no number")
    }
    return value
  }

  mutating func whole(_ name: String, _ width: Int) throws -> Int {
    let text = text(width)
    guard let value = Int(text) else { throw fault("\(name) is \"\(text)\", which is no whole number") }
    return value
  }

  /// A number that is not negative.
  mutating func count(_ name: String, _ width: Int) throws -> Int {
    let value = try whole(name, width)
    guard value >= 0 else { throw fault("\(name) is \(value)") }
    return value
  }

  /// The same, or nil for a number that stands for one that is not known.
  mutating func count(_ name: String, _ width: Int, orUnknown unknown: Int) throws -> Int? {
    let value = try whole(name, width)
    guard value >= 0 || value == unknown else { throw fault("\(name) is \(value)") }
    return value == unknown ? nil : value
  }

  func fault(_ what: String) -> UserError { EDFFile.fault(file, what) }
}
