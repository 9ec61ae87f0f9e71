import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cardiology

/// EDF and EDF+ files: as another program wrote and read them, of tests, damaged ones, real ones.
@Suite struct EDFFileTests {
  /// What record_edf.py wrote.
  private struct Recorded: Decodable {
    let file: Data
    let signals: [[Double]]
    let onsets: [Double]
    let durations: [Double]
    let texts: [String]
  }

  private static func recorded() throws -> Recorded {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Recorded/edf.json")
    return try JSONDecoder().decode(Recorded.self, from: try Data(contentsOf: file))
  }

  private func file(_ data: Data) throws -> EDFFile { try EDFFile([UInt8](data), name: "a.edf") }

  private func close(_ a: [Float], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs(Double($0) - $1) < 1e-4 }
  }

  @Test func whatAnotherProgramWroteIsReadAsThatReadsIt() throws {
    let expected = try Self.recorded()
    let file = try file(expected.file)
    #expect(file.signals.map(\.label) == ["EEG Fz-REF", "Resp"] && file.signals.map(\.unit) == ["uV", "mV"])
    #expect(file.signals.map(\.samplingRate) == [16, 4] && file.duration == 3)
    for signal in 0..<2 { #expect(close(file.samples(of: signal), expected.signals[signal])) }
    #expect(file.annotations.map(\.onset) == expected.onsets && file.annotations.map(\.text) == expected.texts)
    #expect(file.annotations.map { $0.duration ?? -1 } == expected.durations)
  }

  @Test func anyRangesAndRatesSurviveTheRoundTrip() throws {
    for round in 0..<200 {
      var random = CounterRandom(seed: 3, purpose: "edf", sample: UInt64(round))
      let records = random.integer(below: 4)
      var expected: [[Double]] = []
      let signals = (0..<1 + random.integer(below: 4)).map { number in
        let perRecord = 1 + random.integer(below: 50)
        let low = -32768 + random.integer(below: 65_000)
        let digital = (low, low + 1 + random.integer(below: 32767 - low))
        let physical = (Double(random.integer(below: 999)) - 500, Double(random.integer(below: 999)) + 500.5)
        let samples = (0..<perRecord * records).map { _ in Int16(random.integer(below: 65_536) - 32_768) }
        let gain = (physical.1 - physical.0) / Double(digital.1 - digital.0)
        expected.append(samples.map { (Double($0) - Double(digital.0)) * gain + physical.0 })
        return EDFFixture.Signal(
          "s\(number)", physical: physical, digital: digital, samples: samples, perRecord: perRecord)
      }
      let file = try file(EDFFixture.bytes(signals, duration: "0.5"))
      #expect(file.signals.map(\.samplingRate) == signals.map { 2 * Double($0.perRecord) })
      #expect(file.signals.map(\.sampleCount) == signals.map(\.samples.count) && file.annotations.isEmpty)
      for (signal, values) in expected.enumerated() {
        let read = file.samples(of: signal)
        let isClose = zip(read, values).allSatisfy { abs(Double($0) - $1) <= 1e-6 * max(1, abs($1)) }
        #expect(read.count == values.count && isClose)
      }
    }
  }

  @Test func annotationsCountFromTheFirstSample() throws {
    let beat = EDFFixture.Signal("EEG Cz", samples: [1, 2, 3], perRecord: 1)
    let shifted = EDFFixture.annotations(["+0.5|Square|\0", "+1.75~0.25|rt|and more|\0-0.5|before|\0", ""])
    let file = try file(EDFFixture.bytes([beat, shifted], form: "EDF+C"))
    #expect(file.signals.map(\.label) == ["EEG Cz"])
    #expect(
      file.annotations == [
        .init(onset: 0.5, duration: nil, text: "Square"), .init(onset: 1.75, duration: 0.25, text: "rt"),
        .init(onset: 1.75, duration: 0.25, text: "and more"), .init(onset: -0.5, duration: nil, text: "before"),
      ])
    // Without plus it is a signal like any other.
    #expect(try self.file(EDFFixture.bytes([beat, shifted])).signals.count == 2)
  }

  @Test func aRecordingThatWasNotClosedHasItsWholeRecords() throws {
    let signal = EDFFixture.Signal("EEG Cz", samples: Array(1...8), perRecord: 4)
    let open = EDFFixture.bytes([signal], records: -1)
    #expect(try file(open + Data([1, 0, 2])).signals[0].sampleCount == 8)
  }

  @Test func whatIsNotReadIsRefusedByName() throws {
    let signal = EDFFixture.Signal("EEG Cz", samples: [1, 2], perRecord: 1)
    func refusal(_ data: Data) -> String {
      let error = #expect(throws: UserError.self) { try file(data) }
      #expect(error?.kind == .badInput && error?.message.hasPrefix("a.edf") == true && error?.remedy.isEmpty == false)
      return error?.message ?? ""
    }
    func changed(_ change: (inout EDFFixture.Signal) -> Void) -> Data {
      var other = signal
      change(&other)
      return EDFFixture.bytes([other])
    }
    let sound = EDFFixture.bytes([signal])
    #expect(refusal(Data()).contains("not an EDF file") && refusal(Data(count: 5000)).contains("not an EDF file"))
    #expect(refusal(Data([0xFF]) + Data("BIOSEMI".utf8) + sound.dropFirst(8)).contains("BDF"))
    #expect(refusal(EDFFixture.bytes([signal], form: "EDF+D")).contains("EDF+D"))
    #expect(refusal(EDFFixture.bytes([])).contains("0 signals"))
    #expect(refusal(sound.prefix(400)).contains("cut short"))
    #expect(refusal(sound.dropLast()).contains("cut short"))
    #expect(refusal(sound + Data([0, 0])).contains("6 bytes follow"))
    #expect(refusal(EDFFixture.bytes([signal], records: -7)).contains("the number of data records is -7"))
    #expect(refusal(EDFFixture.bytes([signal], duration: "0")).contains("a data record lasts 0"))
    #expect(refusal(EDFFixture.bytes([signal], duration: "1e-300")).contains("lasts"))
    #expect(refusal(EDFFixture.bytes([signal], duration: "nan")).contains("\"nan\", which is no number"))
    #expect(refusal(changed { $0.digital = (5, 5) }).contains("signal 1 (EEG Cz): the digital range is 5 to 5"))
    #expect(refusal(changed { $0.digital = (0, 70_000) }).contains("digital range"))
    #expect(refusal(changed { $0.physical = (2, 2) }).contains("physical range"))
    let torn = EDFFixture.annotations(["+0.5|Square", ""], words: 12)
    #expect(refusal(EDFFixture.bytes([signal, torn], form: "EDF+C")).contains("annotation in data record 1"))
  }

  @Test func aFileThatIsNotThereIsTold() {
    let error = #expect(throws: UserError.self) { try EDFFile(URL(fileURLWithPath: "/nonexistent/a.edf")) }
    #expect(error?.kind == .inputOutput && error?.message.contains("/nonexistent/a.edf") == true)
  }

  /// Reads all that a file offers; an error of another kind than a user's fails the test.
  private func readsOrThrows(_ bytes: [UInt8]) throws -> Bool {
    do {
      let file = try EDFFile(bytes, name: "damaged.edf")
      for signal in file.signals.indices {
        #expect(file.samples(of: signal).count == file.signals[signal].sampleCount)
      }
      return true
    } catch let error as UserError {
      #expect(error.kind == .badInput && error.message.hasPrefix("damaged.edf"))
      return false
    }
  }

  @Test func aDamagedOrShortenedFileThrowsAndNeverTraps() throws {
    let sound = [UInt8](try Self.recorded().file)
    for length in 0..<sound.count { #expect(try !readsOrThrows(Array(sound[..<length])), "\(length)") }
    var refused = 0
    let rounds = 6000
    for round in 0..<rounds {
      var random = CounterRandom(seed: 12, purpose: "damage", sample: UInt64(round))
      var bytes = sound
      // Headers are most of it; digits make other numbers of their fields.
      for _ in 0..<[1, 1, 2, 8][random.integer(below: 4)] {
        let place = random.integer(below: bytes.count)
        bytes[place] =
          [
            0, 255, UInt8(random.integer(below: 256)), bytes[place] ^ (1 << UInt8(random.integer(below: 8))),
            UInt8(ascii: "0") + UInt8(random.integer(below: 10)), UInt8(ascii: "-"), UInt8(ascii: "e"),
          ][random.integer(below: 7)]
      }
      if random.integer(below: 10) == 0 { bytes.removeLast(random.integer(below: bytes.count)) }
      refused += try readsOrThrows(bytes) ? 0 : 1
    }
    #expect(refused > 500 && refused < rounds, "\(refused)")
  }

  @Test func numbersAtTheEndsOfTheirFieldsThrowOrAreRead() throws {
    let sound = [UInt8](try Self.recorded().file)
    let numbers = ["99999999", "-9999999", "1e308", "-1e308", "1e-320", "0", "-0", "+1", "", "0x10", "inf", "1.5", "é"]
    for place in stride(from: 184, to: 256 * 4, by: 4) {
      for number in numbers {
        var bytes = sound
        bytes.replaceSubrange(place..<place + 8, with: Array((number + "        ").utf8.prefix(8)))
        _ = try readsOrThrows(bytes)
      }
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/eeg"))) func realFilesAreReadAsAnotherProgramReadsThem() throws {
    // pyedflib 0.1.42: first sample, sample 1000, the last one, mean square.
    let expected: [(file: String, signals: Int, rate: Double, count: Int, values: [(Int, String, [Double])])] = [
      (
        "test.edf", 16, 256, 15360,
        [
          (0, "EEG Fp1", [5.333333333, 6.666666667, 4.0, 74.17592593]),
          (15, "EEG O2", [-18.33333333, -21.33333333, -21.33333333, 250.8462963]),
        ]
      ),
      (
        "eeglab_tutorial_32ch_128hz.edf", 32, 128, 30464,
        [
          (3, "EEG Fz", [-30.61580248, -31.28647725, -15.6957915, 735.3346576]),
          (31, "EEG O2", [-9.508041627, 20.99716178, 8.168401135, 623.3970507]),
        ]
      ),
    ]
    for real in expected {
      let file = try EDFFile(SharedFiles.url("data/eeg/\(real.file)"))
      #expect(file.signals.count == real.signals && file.annotations.isEmpty)
      for (signal, label, values) in real.values {
        #expect(
          file.signals[signal] == .init(label: label, unit: "uV", samplingRate: real.rate, sampleCount: real.count))
        let samples = file.samples(of: signal)
        let square = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(samples.count)
        let found = [Double(samples[0]), Double(samples[1000]), Double(samples[real.count - 1]), square]
        for (one, other) in zip(found, values) { #expect(abs(one - other) < 1e-4 * max(1, abs(other))) }
      }
    }
  }
}
