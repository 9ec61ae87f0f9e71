import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cardiology

@Suite struct WFDBReaderTests {
  /// Files written by wfdb-python 4.3.1; the digital values hold both extremes of every format.
  @Test(arguments: [
    ("16", "32875", 32767, -32767, "00000100ffffff7f0180fbff64009cff07000180"),
    ("24", "107", 8_388_607, -8_388_607, "000000010000ffffffffff7f010080fbffff6400009cffff070000010080"),
    (
      "32", "107", 2_147_483_647, -2_147_483_647,
      "0000000001000000ffffffffffffff7f01000080fbffffff640000009cffffff0700000001000080"
    ),
    ("80", "65515", 127, -127, "80817fff017be41c8701"),
    ("212", "63595", 2047, -2047, "000001ff7fff01f8fb64f09c078001"),
  ])
  func everyFormatIsReadAsTheReferenceWroteIt(
    format: String, checksum: String, high: Int, low: Int, hex: String
  ) throws {
    try withTemporaryFolder { folder in
      let header = """
        f 2 250 5
        f.dat \(format) 200.0(10)/mV 16 0 0 \(checksum) 0 MLII
        f.dat \(format) 0.5(-3)/uV 16 0 1 65432 0 V5
        """
      try Data(header.utf8).write(to: folder.appendingPathComponent("f.hea"))
      let bytes = stride(from: 0, to: hex.count, by: 2).map { index -> UInt8 in
        let start = hex.index(hex.startIndex, offsetBy: index)
        return UInt8(hex[start...].prefix(2), radix: 16) ?? 0
      }
      try Data(bytes).write(to: folder.appendingPathComponent("f.dat"))
      let record = try WFDBReader.read(folder.appendingPathComponent("f"))
      #expect(record.leads == [.II, .V5])
      #expect(record.samplingRate == 250 && record.sampleCount == 5)
      let second: [Int] = [0, -1, low, 100, 7]
      let fifth: [Int] = [1, high, -5, -100, low]
      #expect(record.signal[0] == second.map { Float(Double($0 - 10) / 200) })
      #expect(record.signal[1] == fifth.map { Float(Double($0 + 3) / 0.5 / 1000) })
    }
  }

  @Test(arguments: WFDBSampleFormat.allCases)
  func randomRecordsSurviveTheRoundTrip(format: WFDBSampleFormat) throws {
    var random = CounterRandom(seed: 1, purpose: "wfdb", sample: UInt64(format.rawValue))
    let bound = -Int(format.invalidSample)
    try withTemporaryFolder { folder in
      for (signals, samples) in [(1, 1), (1, 7), (3, 5), (12, 40)] {
        let digital = (0..<signals).map { _ in
          (0..<samples).map { _ in random.integer(below: 2 * bound) - bound }
        }
        let names = Lead.allCases.prefix(signals).map { $0.rawValue.uppercased() }
        let written = WFDBTestRecord(
          format: format, digital: digital, names: names, byteOffset: random.integer(below: 30))
        let record = try WFDBReader.read(try written.write(to: folder))
        for (samples, values) in zip(record.signal, digital) {
          for (sample, value) in zip(samples, values) {
            #expect(value == -bound ? sample.isNaN : sample == Float(Double(value) / 200))
          }
        }
        #expect(record.comments == ["Dx: 1", "Age: 2"])
      }
    }
  }

  @Test func severalFilesAndForeignSignalsAreHandled() throws {
    try withTemporaryFolder { folder in
      let header =
        "r 3 100\r\na.dat 16 1000 16 0 1 6 0 I\r\na.dat 16 50/mmHg 16 0 9 24 0 ART\r\nb.dat 80 100/V 8 0 5 18 0 V1\r\n"
      try Data(header.utf8).write(to: folder.appendingPathComponent("r.hea"))
      try Data(WFDBTestRecord.encode([1, 9, 2, 8, 3, 7], .format16)).write(to: folder.appendingPathComponent("a.dat"))
      try Data(WFDBTestRecord.encode([5, 6, 7], .format80)).write(to: folder.appendingPathComponent("b.dat"))
      let record = try WFDBReader.read(folder.appendingPathComponent("r.hea"))
      #expect(record.leads == [.I, .V1])
      #expect(record.signal == [[0.001, 0.002, 0.003], [50, 60, 70]])
    }
  }

  /// First and last samples and sums of absolute values as wfdb-python 4.3.1 reads them.
  @Test(
    .enabled(if: SharedFiles.has("data/ptb-xl") && SharedFiles.has("data/cinc-2021")),
    arguments: [
      ("ptb-xl/records100/00000/00001_lr", 100.0, 1000, -0.119, -0.12, 60.7190, 71.2800, -0.363),
      ("ptb-xl/records500/00000/00002_hr", 500, 5000, -0.015, -0.13, 903.7740, 495.2390, -0.135),
      ("cinc-2021/PTB-XL/HR06009", 500, 5000, -0.005, 0.055, 481.8910, 782.5000, -0.085),
      ("cinc-2021/CPSC2018/A0689", 500, 5000, -0.047, 0.083, 234.0250, 604.1160, -0.044),
      ("cinc-2021/G12EC/E00271", 500, 5000, 0.0, -0.029, 641.7220, 290.1040, 0.092),
      ("cinc-2021/Chapman-Ningbo/JS01048", 500, 5000, 0.01, 0.098, 490.8140, 526.9120, 0.215),
    ])
  func realRecordsAgreeWithTheReferenceReader(
    path: String, rate: Double, count: Int, first: Double, last: Double, second: Double, sixth: Double, middle: Double
  ) throws {
    let record = try WFDBReader.read(SharedFiles.url("data/" + path))
    #expect(record.leads == Lead.allCases)
    #expect(record.samplingRate == rate && record.sampleCount == count)
    func near(_ value: Float, _ expected: Double) -> Bool { abs(Double(value) - expected) < 1e-6 }
    #expect(near(record.signal[0][0], first))
    #expect(near(record.signal[11][count - 1], last))
    #expect(near(record.signal[7][777], middle))
    func sum(_ samples: [Float]) -> Double { samples.reduce(0) { $0 + Double(abs($1)) } }
    #expect(abs(sum(record.signal[1]) - second) < 1e-3)
    #expect(abs(sum(record.signal[11]) - sixth) < 1e-3)
  }

  /// Every challenge record and every tenth PTB-XL record (all of them with EVL_ALL_RECORDS set).
  @Test(.enabled(if: SharedFiles.has("data/ptb-xl") && SharedFiles.has("data/cinc-2021")))
  func realRecordsAreReadVerifiedAndComplete() throws {
    let step = ProcessInfo.processInfo.environment["EVL_ALL_RECORDS"] == nil ? 10 : 1
    var count = 0
    var flat = 0
    for (folder, step) in [("data/ptb-xl", step), ("data/cinc-2021", 1)] {
      let root = SharedFiles.url(folder)
      let paths = try FileManager.default.subpathsOfDirectory(atPath: root.path).filter { $0.hasSuffix(".hea") }
        .sorted()
      for index in stride(from: 0, to: paths.count, by: step) {
        let record = try WFDBReader.read(root.appendingPathComponent(paths[index])).standardised().validated()
        #expect(record.duration >= 5 && record.leads.count == 12)
        if folder.hasSuffix("cinc-2021"), !record.quality().flat.isEmpty { flat += 1 }
        count += 1
      }
    }
    #expect(count >= 340)
    #expect(flat == 2)
  }
}
