import Cardiology
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

/// Epochs of an EEG around its events.
@Suite struct EEGDatasetTests {
  private static let made = EEGFixture(seconds: 60)

  private func dataset(
    _ fixture: EEGFixture = made, _ change: (inout EEGEpochs) -> Void = { _ in }
  ) throws -> EEGDataset {
    try withTemporaryFolder { folder in
      var epochs = EEGEpochs()
      change(&epochs)
      #expect(epochs.problems() == [])
      return try EEGDataset(path: try fixture.write(to: folder), epochs: epochs)
    }
  }

  @Test func everyEventIsASampleOrIsCountedAsLeftOut() throws {
    let dataset = try dataset()
    let events = Self.made.events
    #expect(dataset.name == "EEG rest" && dataset.questionSet == .eegEvents)
    // Blocks end at 12, 24, 36 and 48 s; an epoch from 0.5 s before to 1 s after an event takes 0.55 s more on each side.
    let borders: [Double] = [12, 24, 36, 48]
    let border = events.filter { event in
      let (first, last) = (event.onset - 1.05, event.onset + 1.55)
      return borders.contains { first < $0 && last > $0 }
    }
    #expect(dataset.samples.count == events.count - border.count && !border.isEmpty)
    #expect(dataset.remarks.count == 1 && dataset.remarks[0].contains("\(border.count) at the border of two folds"))
    for sample in dataset.samples {
      let number = try #require(Int(sample.id.split(separator: "-")[1])) - 1
      #expect(sample.labels == [events[number].type == "rt" ? "response" : "stimulus"])
      #expect(sample.fold == Int(events[number].onset / 12) + 1 && sample.report.isEmpty)
    }
    #expect(Set(dataset.samples.map(\.fold)) == [1, 2, 3, 4, 5])
    #expect(Set(dataset.samples.map(\.id)).count == dataset.samples.count)
  }

  @Test func epochsThatOverlapBelongToOneStretch() throws {
    let onsets = [
      ("square", 2.0), ("rt", 2.4), ("square", 5.0), ("rt", 6.4), ("rt", 8.2), ("square", 9.0), ("rt", 8.0),
    ]
    try withTemporaryFolder { folder in
      let recording = try Self.made.write(to: folder)
      let table = folder.appendingPathComponent("own.csv")
      try Data(("type,onset_seconds\n" + onsets.map { "\($0),\($1)\n" }.joined()).utf8).write(to: table)
      var epochs = EEGEpochs()
      (epochs.events, epochs.folds) = (table.path, 2)
      let samples = try EEGDataset(path: recording, epochs: epochs).samples
      // 1.5 s long; in the order of the table, which is not that of time.
      #expect(samples.map(\.subject) == [1, 1, 2, 2, 3, 3, 3].map { "stretch \($0)" })
    }
  }

  @Test func noSampleOfTheRecordingIsBehindEpochsOfTwoFolds() throws {
    for (folds, start, end) in [(5, -0.5, 1.0), (2, -0.1, 0.2), (10, -1.0, 2.0), (3, -0.25, 3.0)] {
      let dataset = try dataset {
        ($0.folds, $0.start, $0.end) = (folds, start, end)
      }
      var found: [Int: ClosedRange<Int>] = [:]
      for sample in dataset.samples {
        let extent = dataset.extent(of: sample)
        let known = found[sample.fold] ?? extent
        found[sample.fold] =
          min(known.lowerBound, extent.lowerBound)...max(known.upperBound, extent.upperBound)
      }
      let blocks = found.sorted { $0.key < $1.key }.map(\.value)
      for (one, next) in zip(blocks, blocks.dropFirst()) { #expect(one.upperBound < next.lowerBound) }
      #expect(blocks.count > 1)
    }
  }

  @Test func anEpochIsMadeOfNothingButItsExtent() throws {
    let sample = try #require(try dataset().samples.dropFirst(3).first)
    let before = try dataset().record(sample)
    // Another signal everywhere else.
    let fixture = Self.made
    let extent = try dataset().extent(of: sample)
    try withTemporaryFolder { folder in
      let url = try fixture.write(to: folder)
      var bytes = [UInt8](fixture.recording)
      let (header, rate, electrodes) = (256 * 13, 64, 12)
      for place in 0..<60 * rate where !extent.contains(place) {
        for electrode in 0..<electrodes {
          let at = header + 2 * (place / rate * rate * electrodes + electrode * rate + place % rate)
          (bytes[at], bytes[at + 1]) = (0x12, 0x34)
        }
      }
      try Data(bytes).write(to: url)
      let changed = try EEGDataset(path: url, epochs: EEGEpochs())
      #expect(try changed.record(sample).signal == before.signal)
      let other = try #require(changed.samples.first { $0.id != sample.id })
      #expect(try changed.record(other).signal != dataset().record(other).signal)
    }
  }

  @Test func anEpochHasTheWaveAtItsTimeAndNoBaseline() throws {
    let dataset = try dataset()
    for sample in dataset.samples {
      let record = try dataset.record(sample)
      #expect(record.leads == Lead.allCases && record.sampleCount == 1000 && record.samplingRate == 100)
      let sign: Float = sample.labels == ["stimulus"] ? 1 : -1
      for values in record.signal {
        // The event lies at a third of the 1.5 s; the wave of 20 µV peaks a quarter of a second later.
        #expect(abs(values[..<334].reduce(0, +)) < 0.01)
        let peak = values[450..<550].reduce(0, +) / 100
        #expect(sign * peak > 0.1 && sign * peak < 0.25, "\(peak)")
        #expect(abs(values[800...].reduce(0, +) / 200) < 0.04)
      }
      #expect(try record.conditioned().signal == record.signal)
    }
  }

  @Test func anEpochBeginsBetweenTwoSamplesWhereItsEventDoes() throws {
    // A straight line is the same line at any place and rate.
    let rate = 50
    let signals = EEGFixture.electrodes.map { name in
      EDFFixture.Signal("EEG \(name)-REF", unit: "mV", samples: (0..<20 * rate).map { Int16($0) }, perRecord: rate)
    }
    try withTemporaryFolder { folder in
      try EDFFixture.bytes(signals).write(to: folder.appendingPathComponent("a.edf"))
      let table = folder.appendingPathComponent("marks.csv")
      try Data("onset_seconds,type\n4.0037,square\n9.9,rt\n5,other\n0.1,rt\n".utf8).write(to: table)
      var epochs = EEGEpochs()
      (epochs.events, epochs.folds) = (table.path, 2)
      epochs.channels[1] = "fz"
      let dataset = try EEGDataset(path: folder, epochs: epochs)
      #expect(dataset.samples.map(\.id) == ["stimulus-1"])
      #expect(
        dataset.remarks == [
          "EEG a: of 4 events are left out: 1 at the border of two folds, 1 whose epoch is not all within the recording, "
            + "1 of other types"
        ])
      let values = try dataset.record(dataset.samples[0]).signal[1]
      // 100 µV a sample at 50 Hz, 1.5 s in 1000 values, 0.01 mV for 1 µV; the mean of the first 334 values is taken away.
      let slope = 100 * 50 * 1.5 / 1000 * 0.01
      for place in 0..<1000 {
        #expect(abs(Double(values[place]) - slope * (Double(place) - 166.5)) < 0.01, "\(place)")
      }
    }
  }

  @Test func annotationsOfTheFileAreItsEventsWhereThereIsNoTable() throws {
    let signals = EEGFixture.electrodes.map { name in
      EDFFixture.Signal(name, samples: (0..<640).map { Int16($0 % 7) }, perRecord: 64)
    }
    let marks = EDFFixture.annotations((0..<10).map { $0 == 2 ? "+2.5|square|\0" : $0 == 7 ? "+7.5|rt|\0" : "" })
    try withTemporaryFolder { folder in
      try EDFFixture.bytes(signals + [marks], form: "EDF+C").write(to: folder.appendingPathComponent("b.EDF"))
      var epochs = EEGEpochs()
      epochs.folds = 2
      let dataset = try EEGDataset(path: folder, epochs: epochs)
      #expect(dataset.samples.map(\.labels) == [["stimulus"], ["response"]])
      #expect(dataset.samples.map(\.fold) == [1, 2])
    }
  }

  @Test func theSettingsThatChangeRecordingsChangeTheFingerprint() throws {
    let prints = try [
      dataset(), dataset { $0.channels.swapAt(0, 1) }, dataset { $0.start = -0.4 }, dataset { $0.folds = 4 },
      dataset(EEGFixture(seconds: 62)),
    ].map(\.metadataFingerprint)
    #expect(Set(prints).count == prints.count)
    #expect(try dataset().metadataFingerprint == prints[0])
  }

  @Test func mistakesAreNamedWithWhatToDo() throws {
    try withTemporaryFolder { folder in
      let url = try Self.made.write(to: folder)
      let table = folder.appendingPathComponent("rest_events.csv")
      func refusal(_ path: URL? = nil, _ change: (inout EEGEpochs) -> Void = { _ in }) -> String {
        var epochs = EEGEpochs()
        change(&epochs)
        let error = #expect(throws: UserError.self) { try EEGDataset(path: path ?? url, epochs: epochs) }
        return "\(error.map { "\($0.kind)" } ?? ""): \(error?.message ?? "") (\(error?.remedy ?? ""))"
      }
      func expect(_ refusal: String, _ parts: String...) {
        for part in parts { #expect(refusal.contains(part), "\(refusal)") }
      }
      expect(refusal(folder.appendingPathComponent("no")), "inputOutput", "no such file")
      expect(refusal(nil) { $0.channels[3] = "X9" }, "badInput", "no electrode X9", "EEG Oz, EEG O2")
      expect(refusal(nil) { $0.response = "button" }, "type \"button\"", "data.eeg.response", "\"rt\", \"square\"")
      expect(refusal(nil) { $0.events = "/nonexistent.csv" }, "inputOutput", "/nonexistent.csv")
      expect(refusal(table), "not an EDF file")
      func expect(table text: String, _ parts: String...) throws {
        try Data(text.utf8).write(to: table)
        let refused = refusal()
        for part in parts { #expect(refused.contains(part), "\(refused)") }
      }
      try expect(table: "kind,onset_seconds\nrt,2\n", "there is no column \"type\"")
      try expect(table: "type,onset_seconds\n", "there are no events")
      try expect(
        table: "type,onset_seconds\nrt,2\nsquare,61\n", "event 2 is at 61.0 s", "60.0 s long", "data.eeg.events")
      try expect(table: "type,onset_seconds\nrt,soon\n", "line 2", "\"soon\", which is no number")
      try expect(table: "type,onset_seconds,latency_samples_1based\nrt,2,257\nsquare,4,513\n", "event 1", "at 64.0 Hz")
      try Data(Self.made.table.utf8).write(to: folder.appendingPathComponent("other_events.csv"))
      expect(refusal(), "several tables of events: other_events.csv, rest_events.csv")
      try Self.made.recording.write(to: folder.appendingPathComponent("second.edf"))
      expect(refusal(folder), "several EDF files: rest.edf, second.edf")
    }
    try withTemporaryFolder { folder in
      let error = #expect(throws: UserError.self) { try EEGDataset(path: folder, epochs: EEGEpochs()) }
      #expect(error?.message.contains("no EDF file") == true)
    }
  }

  @Test func signalsOfOtherRatesAndUnitsAreRefused() throws {
    try withTemporaryFolder { folder in
      let names = EEGFixture.electrodes
      func refusal(_ change: (inout [EDFFixture.Signal]) -> Void) throws -> String {
        var signals = names.map { EDFFixture.Signal($0, samples: [Int16](repeating: 1, count: 640), perRecord: 64) }
        change(&signals)
        let url = folder.appendingPathComponent("c.edf")
        try EDFFixture.bytes(signals).write(to: url)
        try Data("type,onset_seconds\nrt,2\nsquare,4\n".utf8).write(to: folder.appendingPathComponent("events.csv"))
        return #expect(throws: UserError.self) { try EEGDataset(path: url, epochs: EEGEpochs()) }?.message ?? ""
      }
      #expect(try refusal { $0[2].unit = "degC" }.contains("F4 is in \"degC\""))
      #expect(
        try refusal { $0[2] = .init("F4", samples: [Int16](repeating: 1, count: 1280), perRecord: 128) }.contains(
          "F4 has 128.0 samples a second"))
      #expect(try refusal { $0.append($0[0]) }.contains("F3 may be F3 or F3"))
      let slow = try refusal { signals in
        signals = names.map { .init($0, samples: [Int16](repeating: 1, count: 50), perRecord: 5) }
      }
      #expect(slow.contains("of which no epoch"))
    }
  }

  @Test func settingsThatFitNothingAreNamed() {
    func problems(_ change: (inout EEGEpochs) -> Void) -> String {
      var epochs = EEGEpochs()
      change(&epochs)
      return epochs.problems().joined(separator: "; ")
    }
    #expect(problems { _ in }.isEmpty)
    #expect(problems { $0.channels.removeLast() }.contains("11 electrodes"))
    #expect(problems { $0.channels[0] = "Fz" }.contains("different"))
    #expect(problems { $0.response = "square" }.contains("two types"))
    for (start, end) in [(0.0, 1.0), (-1, 0), (-5, 6), (-0.01, 0.01), (.nan, 1), (-0.5, .infinity)] {
      #expect(problems { ($0.start, $0.end) = (start, end) }.contains("data.eeg.start"))
    }
    #expect(problems { $0.folds = 1 }.contains("2 to 10"))
  }

  @Test(.enabled(if: SharedFiles.has("data/eeg"))) func theRealRecordingHasTheKnownEpochs() throws {
    let path = SharedFiles.url("data/eeg/eeglab_tutorial_32ch_128hz.edf")
    let dataset = try EEGDataset(path: path, epochs: EEGEpochs())
    #expect(dataset.samples.count { $0.labels == ["stimulus"] } == 77)
    #expect(dataset.samples.count == 148)
    #expect((1...5).map { fold in dataset.samples.count { $0.fold == fold } } == [30, 29, 29, 30, 30])
    #expect(dataset.remarks.count == 1 && dataset.remarks[0].contains("of 154 events are left out: 6 at the border"))
    for sample in dataset.samples {
      let record = try RecordCache(dataset).record(sample)
      let (highest, lowest) = (record.signal.joined().max() ?? 0, record.signal.joined().min() ?? 0)
      #expect(highest < 3 && lowest > -3 && highest - lowest > 0.2)
    }
    #expect(throws: UserError.self) { try EEGDataset(path: SharedFiles.url("data/eeg"), epochs: EEGEpochs()) }
  }
}
