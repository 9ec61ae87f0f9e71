import Foundation
import Testing

@testable import EvlDist

@Suite struct PlanCommandTests {
  private let given = ["plan", "--compute", "3.9", "--fold", "40"]

  @Test func unitsAreThoseOfNetworks() {
    func bandwidth(_ text: String) -> Double? { LinkBandwidth(argument: text)?.bytesPerSecond }
    #expect(bandwidth("10") == 1.25e9 && bandwidth("10Gb/s") == 1.25e9 && bandwidth("10 Gb/s") == 1.25e9)
    #expect(bandwidth("100G") == 12.5e9 && bandwidth("85MB/s") == 85e6 && bandwidth("100Mb/s") == 12.5e6)
    #expect(bandwidth("1.2GB/s") == 1.2e9)
    for wrong in ["", "0", "-1", "fast", "10Tb/s", "nan", "inf", "Gb/s"] {
      #expect(bandwidth(wrong) == nil, "\(wrong)")
    }
    func nanoseconds(_ text: String) -> Double? { ShortTime(argument: text).map { (1e9 * $0.seconds).rounded() } }
    #expect(nanoseconds("50") == 50_000 && nanoseconds("50us") == 50_000 && nanoseconds("0") == 0)
    #expect(nanoseconds("2ms") == 2e6 && nanoseconds("1s") == 1e9 && nanoseconds("800ns") == 800)
    for wrong in ["", "-1", "1m", "us"] { #expect(nanoseconds(wrong) == nil, "\(wrong)") }
  }

  @Test func oneNumberOfNodesAndATableArePredicted() throws {
    let one = try CommandTests.run(
      given + ["--nodes", "4", "--ranks", "8", "--bandwidth", "10", "--latency", "50", "--json"])
    #expect(one.code == 0, "\(one.errors)")
    let report = try #require(try JSONSerialization.jsonObject(with: Data(one.output.utf8)) as? [String: Any])
    let growing = try #require(report["growing"] as? [[String: Any]])
    #expect(growing.map { $0["nodes"] as? Int } == [4] && growing[0]["ranks"] as? Int == 32)
    let remedies = try #require(report["remedies"] as? [[String: Any]])
    #expect(remedies.allSatisfy { ($0["prediction"] as? [String: Any])?["nodes"] as? Int == 4 } && remedies.count > 1)
    let parts = ["compute", "fold", "optimizer", "network"].compactMap { growing[0][$0] as? Double }
    let step = try #require(growing[0]["step"] as? Double)
    #expect(parts.count == 4 && abs(parts.reduce(0, +) - step) < 1e-9 && parts[0] == 3.9)
    let table = try CommandTests.run(given + ["--shards", "64"])
    #expect(table.code == 0 && table.output.contains("1024 nodes") && table.output.contains("64 shards"))
    #expect(table.output.contains("A model, not a measurement"))
  }

  @Test func whatIsNotGivenIsMeasured() throws {
    let outcome = try CommandTests.run(["plan", "--nodes", "2", "--set", "train.shards=32"])
    #expect(outcome.code == 0 && outcome.output.contains("as timed here, without a teacher"), "\(outcome.errors)")
  }

  @Test func impossibleNumbersAreRefused() throws {
    for wrong in [
      ["--nodes", "0"], ["--ranks", "0"], ["--bandwidth", "0"], ["--latency", "-1"], ["--shards", "0"],
      ["--reduction", "tree"], ["--chunk", "0"], ["--overlap", "1.1"], ["--compute", "0"],
    ] {
      #expect(try CommandTests.run(given + wrong).code == 64, "\(wrong)")
    }
  }
}
