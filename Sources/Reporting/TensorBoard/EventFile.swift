import Foundation
import SwiftProtobuf

/// A file of TensorBoard events, framed as TFRecord frames them: the event's length as 8 bytes, the length's checksum, the
/// event, its checksum; all little-endian.
struct EventFile {
  private let file: FileHandle

  /// Begins a file in a folder, which is made where it is missing, behind all that are there: TensorBoard reads a
  /// folder's files in the order of their names.
  ///
  /// - Parameter seconds: since 1970; the name holds them, or more where a clock was set back.
  init(in folder: URL, seconds: Double) throws {
    let manager = FileManager.default
    try manager.createDirectory(at: folder, withIntermediateDirectories: true)
    let newest = try manager.contentsOfDirectory(atPath: folder.path).compactMap(Self.number).max() ?? 0
    let name = "\(Self.prefix)\(max(Int(seconds), newest + 1)).evl-dist"
    let url = folder.appendingPathComponent(name)
    try Data().write(to: url, options: .withoutOverwriting)
    file = try FileHandle(forWritingTo: url)
    var event = TensorBoardEvent()
    event.wallTime = seconds
    event.fileVersion = "brain.Event:2"
    try append(event)
  }

  private static let prefix = "events.out.tfevents."

  private static func number(_ name: String) -> Int? {
    name.hasPrefix(prefix) ? name.dropFirst(prefix.count).split(separator: ".").first.flatMap { Int($0) } : nil
  }

  /// Appends an event, whole by one write.
  func append(_ event: TensorBoardEvent) throws {
    let bytes: [UInt8] = try event.serializedBytes()
    let length = Self.littleEndian(UInt64(bytes.count))
    try file.write(
      contentsOf: Data(
        length + Self.littleEndian(MaskedChecksum.of(length)) + bytes + Self.littleEndian(MaskedChecksum.of(bytes))))
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}

/// The checksum of TFRecord: CRC-32C, turned and shifted so that a checksum of data with checksums in it stays a good one.
enum MaskedChecksum {
  /// By the next byte: the remainder of eight shifts by Castagnoli's polynomial, lowest bit first.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0x82F6_3B78 : rest >> 1 }
  }

  static func of(_ bytes: [UInt8]) -> UInt32 {
    let sum = crc(bytes)
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }

  static func crc(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }
}
