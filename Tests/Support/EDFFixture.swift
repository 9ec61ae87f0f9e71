import Foundation

/// Writes EDF files for tests.
public enum EDFFixture {
  public struct Signal {
    public var label: String
    public var unit: String
    public var physical: (Double, Double)
    public var digital: (Int, Int)
    /// Whole data records of samples.
    public var samples: [Int16]
    public var perRecord: Int

    public init(
      _ label: String, unit: String = "uV", physical: (Double, Double) = (-3276.8, 3276.7),
      digital: (Int, Int) = (-32768, 32767), samples: [Int16], perRecord: Int
    ) {
      (self.label, self.unit, self.physical, self.digital) = (label, unit, physical, digital)
      (self.samples, self.perRecord) = (samples, perRecord)
    }
  }

  /// - Parameters:
  ///   - form: "EDF+C" and the like; empty for EDF without plus.
  ///   - records: what the header says; nil for as many as there are.
  public static func bytes(
    _ signals: [Signal], form: String = "", duration: String = "1", records: Int? = nil
  ) -> Data {
    var header = ""
    func add(_ text: String, _ width: Int) { header += text.padding(toLength: width, withPad: " ", startingAt: 0) }
    let count = signals.first.map { $0.samples.count / $0.perRecord } ?? 0
    let fixed = [
      ("0", 8), ("X X X X", 80), ("Startdate X X X X", 80), ("01.01.99", 8), ("00.00.00", 8),
      ("\(256 * (signals.count + 1))", 8), (form, 44), ("\(records ?? count)", 8), (duration, 8),
      ("\(signals.count)", 4),
    ]
    for (text, width) in fixed { add(text, width) }
    let fields: [(Int, (Signal) -> String)] = [
      (16, \.label), (80, { _ in "" }), (8, \.unit), (8, { "\($0.physical.0)" }), (8, { "\($0.physical.1)" }),
      (8, { "\($0.digital.0)" }), (8, { "\($0.digital.1)" }), (80, { _ in "" }), (8, { "\($0.perRecord)" }),
      (32, { _ in "" }),
    ]
    for (width, text) in fields { for signal in signals { add(text(signal), width) } }
    var file = Data(header.utf8)
    for record in 0..<count {
      for signal in signals {
        for sample in signal.samples[record * signal.perRecord..<(record + 1) * signal.perRecord] {
          withUnsafeBytes(of: sample.littleEndian) { file.append(contentsOf: $0) }
        }
      }
    }
    return file
  }

  /// The annotations channel of records of one second, each with its time-stamped lists; "|" stands for byte 0x14, "~" for 0x15.
  public static func annotations(_ lists: [String], words perRecord: Int = 30) -> Signal {
    let samples = lists.enumerated().flatMap { record, text -> [Int16] in
      var bytes = [UInt8](("+\(record)||\0" + text).utf8)
      bytes = bytes.map { $0 == UInt8(ascii: "|") ? 0x14 : $0 == UInt8(ascii: "~") ? 0x15 : $0 }
      bytes += [UInt8](repeating: 0, count: 2 * perRecord - bytes.count)
      return stride(from: 0, to: bytes.count, by: 2).map {
        Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
      }
    }
    return Signal("EDF Annotations", unit: "", physical: (-1, 1), samples: samples, perRecord: perRecord)
  }
}

/// An EEG of the form that `data.kind: eeg` reads: noise, and a wave that stimuli and responses begin, each another one.
public struct EEGFixture: Sendable {
  public static let electrodes = ["F3", "Fz", "F4", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1", "Oz", "O2"]
  public let events: [(type: String, onset: Double)]
  public let recording: Data
  public var table: String {
    "type,onset_seconds\n" + events.map { "\($0.type),\($0.onset)\n" }.joined()
  }

  /// - Parameter seconds: of the recording; every other second has an event.
  public init(seconds: Int, rate: Int = 64) {
    let events = stride(from: 1, to: seconds - 1, by: 2).map { second in
      (type: second % 4 == 1 ? "square" : "rt", onset: Double(second) + 0.25)
    }
    var noise: UInt32 = 7
    let signals = Self.electrodes.map { name in
      EDFFixture.Signal(
        "EEG " + name,
        samples: (0..<seconds * rate).map { place in
          noise = noise &* 1_664_525 &+ 1_013_904_223
          let (time, hiss) = (Double(place) / Double(rate), Double(noise >> 16) / 65_536 - 0.5)
          let wave = events.reduce(0.0) { sum, event in
            let (since, sign) = (time - event.onset, event.type == "rt" ? -1.0 : 1.0)
            return sum + (abs(since - 0.25) < 0.25 ? sign * 20 * sin(Double.pi * since / 0.5) : 0)
          }
          return Int16(10 * (wave + 10 * hiss))
        }, perRecord: rate)
    }
    self.events = events
    recording = EDFFixture.bytes(signals)
  }

  /// Writes rest.edf and rest_events.csv.
  /// - Returns: the recording.
  @discardableResult public func write(to folder: URL) throws -> URL {
    let file = folder.appendingPathComponent("rest.edf")
    try recording.write(to: file)
    try Data(table.utf8).write(to: folder.appendingPathComponent("rest_events.csv"))
    return file
  }
}
