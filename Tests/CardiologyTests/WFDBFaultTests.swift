import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cardiology

@Suite struct WFDBFaultTests {
  static let sound = WFDBTestRecord(
    format: .format16, digital: [[1, 2, 3, 4], [5, 6, 7, -8]], names: ["I", "II"])

  /// The message of the error that reading gives; empty where reading succeeds.
  static func message(header: String? = nil, bytes: [UInt8]? = nil) throws -> String {
    try withTemporaryFolder { folder in
      let path = try sound.write(to: folder)
      if let header { try Data(header.utf8).write(to: path.appendingPathExtension("hea")) }
      if let bytes { try Data(bytes).write(to: path.appendingPathExtension("dat")) }
      do {
        _ = try WFDBReader.read(path)
        return ""
      } catch let error as UserError {
        #expect(error.kind == .badInput)
        #expect(!error.remedy.isEmpty)
        #expect(error.message.contains(folder.path))
        return error.message
      }
    }
  }

  @Test func theSoundRecordIsRead() throws { #expect(try Self.message() == "") }

  @Test(arguments: [
    ("r 0 250 4\n", "0 signals"),
    ("", "the header is empty"),
    ("r/3 2 250 4\n", "several segments"),
    ("r 2 250 4\nr.dat 16 200 16 0 1 10 0 I\n", "2 signals announced, 1 signal lines found"),
    ("r 1 250 4\nr.dat 16x4 200 16 0 1 10 0 I\n", "4 samples per frame"),
    ("r 1 250 4\nr.dat 16:3 200 16 0 1 10 0 I\n", "skew of 3"),
    ("r 1 250 4\nr.dat 310 200 16 0 1 10 0 I\n", "storage format 310"),
    ("r 1 250 4\nr.dat 16+9999999999999999999 200 16 0 1 10 0 I\n", "storage format expected"),
    ("r 1 250 4\nr.dat 16 a/mV 16 0 1 10 0 I\n", "gain expected"),
    ("r 1 250 4\nr.dat 16 1(x)/mV 16 0 1 10 0 I\n", "baseline in parentheses expected"),
    ("r 1 250 4\nr.dat 16 1/mV 16 z 1 10 0 I\n", "ADC zero expected"),
    ("r 1 250 4\nr.dat 16 1/parsec 16 0 1 14 0 I\n", "the unit \"parsec\""),
    ("r 1 250 4\nr.dat 16 200 16 0 1 14 0 PLETH\n", "no signal is an ECG lead"),
    ("r 1 0 4\nr.dat 16 200 16 0 1 19 0 I\n", "sampling rate"),
    ("r 1 nan 4\nr.dat 16 200 16 0 1 19 0 I\n", "sampling rate"),
    ("r 1 250 -4\nr.dat 16 200 16 0 1 19 0 I\n", "number of samples"),
    ("r 1 250 9000000000000000000\nr.dat 16 200 16 0 1 19 0 I\n", "announces 9000000000000000000 samples"),
    ("r 2 250 9000000000000000000\nr.dat 16 200 16 0 1 1 0 I\nr.dat 16 200 16 0 1 1 0 II\n", "announces"),
    ("r 999999999999 250 4\n", "999999999999 signals announced"),
    ("r 1 250 4\nr.dat 16+999999 200 16 0 1 19 0 I\n", "the file holds 0"),
    ("r 1 250\nr.dat 16+16 200 16 0 1 19 0 I\n", "holds no samples"),
    ("r 1 250 4\nx.dat 16 200 16 0 1 19 0 I\n", "x.dat: no such file"),
    ("r 1 250 4\n../r.dat 16 200 16 0 1 19 0 I\n", "name of a signal file"),
    ("r 2 250 4\nr.dat 16 200 16 0 1 10 0 I\nr.dat 16 200 16 0 5 10 0 MLI\n", "lead I occurs twice"),
    ("r 2 250 4\nr.dat 16 200 16 0 1 10 0 I\nr.dat 80 200 16 0 5 10 0 II\n", "differ in format"),
    ("r 1 250 4\nr.dat 16 200 16 0 7\n", "begins with 1, the header says 7"),
  ])
  func aFaultInTheHeaderIsNamed(header: String, expected: String) throws {
    let message = try Self.message(header: header)
    #expect(message.contains(expected), "\(message)")
  }

  @Test func aTruncatedSignalFileIsNamedWithBothCounts() throws {
    let message = try Self.message(bytes: Array(Self.sound.bytes.dropLast()))
    #expect(message.contains("r.dat: the header announces 4 samples of 2 signals, the file holds 3"))
  }

  @Test func aWrongChecksumIsNamedWithLeadAndBothSums() throws {
    var record = Self.sound
    record.checksumError = 3
    let message = try Self.message(header: record.header("r"))
    #expect(message.contains("r.dat: checksum of lead I is 10, the header says 13"))
  }

  @Test func aHeaderThatIsNoTextIsRefused() throws {
    try withTemporaryFolder { folder in
      let path = try Self.sound.write(to: folder)
      try Data(Self.sound.header("r").utf8 + [0x23, 0xE4, 0xFF]).write(to: path.appendingPathExtension("hea"))
      do {
        _ = try WFDBReader.read(path)
        Issue.record("no error for bad UTF-8")
      } catch { #expect("\(error)".contains("not UTF-8")) }
    }
  }

  @Test func aMissingRecordOrAFolderIsRefused() throws {
    try withTemporaryFolder { folder in
      #expect(throws: UserError.self) { try WFDBReader.read(folder.appendingPathComponent("none")) }
      #expect(throws: UserError.self) { try WFDBReader.read(folder) }
    }
  }

  /// Whatever happens to the bytes, reading ends with a record or with a `UserError`.
  @Test func damagedFilesNeverTrap() throws {
    var random = CounterRandom(seed: 5, purpose: "fuzz")
    try withTemporaryFolder { folder in
      let formats = WFDBSampleFormat.allCases
      for round in 0..<500 {
        let record = WFDBTestRecord(
          format: formats[round % formats.count], digital: [[1, -2, 3, 4, 5], [5, 6, -7, 8, 9]], names: ["I", "V2"],
          byteOffset: round % 3)
        var header = [UInt8](record.header("r").utf8)
        var bytes = record.bytes
        if round % 2 == 0 { Self.damage(&header, &random) } else { Self.damage(&bytes, &random) }
        try Data(header).write(to: folder.appendingPathComponent("r.hea"))
        try Data(bytes).write(to: folder.appendingPathComponent("r.dat"))
        do { _ = try WFDBReader.read(folder.appendingPathComponent("r")) } catch is UserError {}
      }
    }
  }

  @Test func damagedHeadersNeverTrap() {
    var random = CounterRandom(seed: 8, purpose: "fuzz")
    let sound = [UInt8](Self.sound.header("r").utf8)
    for _ in 0..<2000 {
      var bytes = sound
      Self.damage(&bytes, &random)
      do { _ = try WFDBHeader(text: String(decoding: bytes, as: UTF8.self), file: "r.hea") } catch {
        #expect(error is UserError)
      }
    }
  }

  /// Cuts off the end, or changes, inserts or repeats a few bytes.
  static func damage(_ bytes: inout [UInt8], _ random: inout CounterRandom) {
    for _ in 0...random.integer(below: 3) where !bytes.isEmpty {
      let at = random.integer(below: bytes.count)
      switch random.integer(below: 5) {
      case 0: bytes.removeLast(bytes.count - at)
      case 1: bytes[at] = UInt8(truncatingIfNeeded: random.next())
      case 2: bytes[at] ^= 1 << UInt8(random.integer(below: 8))
      case 3: bytes.insert(contentsOf: Array("0123456789 +:x/()-#\n".utf8).shuffled(using: &random).prefix(3), at: at)
      default: bytes.insert(contentsOf: bytes[at...].prefix(9), at: at)
      }
    }
  }
}
