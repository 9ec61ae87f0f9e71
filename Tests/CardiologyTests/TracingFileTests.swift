import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cardiology

/// HDF5 files of CODE-15%'s form: those that libhdf5 wrote, sound and damaged, and those of tests.
@Suite struct TracingFileTests {
  /// What record_tracings.c wrote, by form.
  private static let recorded: [String: Data] = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Recorded/tracings.json")
    let texts = (try? Data(contentsOf: file)).flatMap { try? JSONDecoder().decode([String: String].self, from: $0) }
    return (texts ?? [:]).compactMapValues { Data(base64Encoded: $0) }
  }()

  /// The numbers that record_tracings.c wrote.
  private func value(_ exam: Int, _ sample: Int, _ lead: Int) -> Float {
    let value = Double((31 * exam + 12 * sample + lead) % 251) / 125 - 1
    return Float(value)
  }

  private func withFile<T>(_ bytes: Data, _ body: (URL) throws -> T) throws -> T {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("exams_part0.hdf5")
      try bytes.write(to: file)
      return try body(file)
    }
  }

  @Test(arguments: ["contiguous", "an exam a chunk", "odd chunks"])
  func whatTheLibraryWroteIsReadBitForBit(form: String) throws {
    try withFile(try #require(Self.recorded[form])) { url in
      let file = try TracingFile(url)
      #expect(file.ids == [1_000_001, 1009, 14, 7] && file.sampleCount == 20)
      for (exam, rows) in [(0, 0..<20), (1, 3..<18), (2, 0..<20)] {
        let record = try file.record(at: file.place(of: "\(file.ids[exam])"))
        #expect(record.leads == Lead.allCases && record.samplingRate == 400 && record.name == "\(file.ids[exam])")
        for lead in 0..<12 { #expect(record.signal[lead] == rows.map { value(exam, $0, lead) }, "\(exam) \(lead)") }
      }
      let empty = #expect(throws: UserError.self) { try file.record(at: 3) }
      #expect(empty?.kind == .badInput && empty?.message.contains("exam 7 is zero throughout") == true)
      let unknown = #expect(throws: UserError.self) { try file.place(of: "8") }
      #expect(unknown?.message.contains("\"8\"") == true && unknown?.remedy.contains("1000001, 1009, 14") == true)
    }
  }

  @Test(arguments: [("newer form", "superblock is of version"), ("big-endian", "little-endian")])
  func otherFormsAreRefusedByName(form: String, words: String) throws {
    try withFile(try #require(Self.recorded[form])) { url in
      let error = #expect(throws: UserError.self) { try TracingFile(url) }
      #expect(error?.kind == .badInput && error?.message.contains(words) == true, "\(error?.message ?? "")")
      #expect(error?.remedy.contains("h5py") == true)
    }
  }

  private func made(leads: Int = 12) -> Data {
    TracingFixture.bytes(
      (0..<3).map { exam in
        (id: 100 + exam, samples: (0..<30).map { sample in (0..<leads).map { Float(exam * 100 + sample) + Float($0) } })
      })
  }

  @Test func whatTestsWriteIsReadToo() throws {
    try withFile(made()) { url in
      let file = try TracingFile(url)
      #expect(file.ids == [100, 101, 102])
      #expect(try file.record(at: 2).signal[3] == (0..<30).map { Float(200 + $0 + 3) })
    }
    try withFile(made(leads: 8)) { url in
      let error = #expect(throws: UserError.self) { try TracingFile(url) }
      #expect(error?.message.contains("3 x 30 x 8") == true)
    }
  }

  @Test func whatIsNoSuchFileIsRefused() throws {
    for bytes in [Data(), Data("exam_id".utf8), Data(count: 4096)] {
      try withFile(bytes) { url in
        let error = #expect(throws: UserError.self) { try TracingFile(url) }
        #expect(error?.kind == .badInput && error?.message.hasPrefix(url.path) == true)
      }
    }
    #expect(throws: UserError.self) { try TracingFile(URL(fileURLWithPath: "/nonexistent/x.hdf5")) }
  }

  /// Reads all that a file offers; an error of another kind than a user's fails the test.
  private func readsOrThrows(_ bytes: Data, at url: URL) throws -> Bool {
    try bytes.write(to: url)
    do {
      let file = try TracingFile(url)
      // The fourth of the recorded exams is zero throughout, which is refused in a sound file too.
      for place in file.ids.indices.prefix(3) { _ = try file.record(at: place) }
      return true
    } catch let error as UserError {
      #expect(error.kind == .badInput && error.message.contains(url.path))
      return false
    }
  }

  @Test(arguments: ["contiguous", "an exam a chunk", "odd chunks", "made"])
  func aDamagedOrShortenedFileThrowsAndNeverTraps(form: String) throws {
    let sound = form == "made" ? made() : try #require(Self.recorded[form])
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("damaged.hdf5")
      for length in stride(from: 0, to: sound.count, by: 97) {
        #expect(try !readsOrThrows(sound.prefix(length), at: url), "\(length)")
      }
      var refused = 0
      for round in 0..<1500 {
        var random = CounterRandom(seed: 11, purpose: form, sample: UInt64(round))
        var bytes = sound
        for _ in 0..<[1, 1, 2, 8][random.integer(below: 4)] {
          let place = random.integer(below: bytes.count)
          bytes[place] =
            [0, 255, UInt8(random.integer(below: 256)), bytes[place] ^ (1 << UInt8(random.integer(below: 8)))][
              random.integer(below: 4)]
        }
        refused += try readsOrThrows(bytes, at: url) ? 0 : 1
      }
      #expect(refused > 20 && refused < 1500, "\(refused)")
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/code-15"))) func realExamsKeepEinthovensAndGoldbergersLaws() throws {
    let file = try TracingFile(SharedFiles.url("data/code-15/exams_part0.hdf5"))
    #expect(file.ids.count == 92 && file.sampleCount == 4096)
    var (within, samples) = (0, 0)
    for place in file.ids.indices {
      let record = try file.record(at: place)
      #expect((1_500...4_096).contains(record.sampleCount))
      let (one, two, three, aVR) = (record.signal[0], record.signal[1], record.signal[2], record.signal[3])
      for sample in 0..<record.sampleCount {
        let einthoven: Float = two[sample] - one[sample] - three[sample]
        let goldberger: Float = aVR[sample] + (one[sample] + two[sample]) / 2
        within += max(abs(einthoven), abs(goldberger)) < 0.01 ? 1 : 0
      }
      samples += record.sampleCount
    }
    // Recorders clip and filter each lead by itself, so that a few samples do not keep them.
    #expect(Double(within) > 0.9 * Double(samples), "\(within) of \(samples)")
  }
}
