import Foundation
import Tensors
import Testing

@testable import Corpus

@Suite struct CSVTableTests {
  private func table(_ text: String) throws -> CSVTable { try CSVTable(Data(text.utf8), file: "probe.csv") }

  @Test func fieldsAreThoseOfRFC4180() throws {
    let read = try table("a,b,c\r\n1,\"x, \"\"y\"\"\nz\",\r\n\"\",2,3\n\n,,\r4,5,\"6\"")
    #expect(read.header == ["a", "b", "c"])
    #expect(read.rows.map(\.fields) == [["1", "x, \"y\"\nz", ""], ["", "2", "3"], ["", "", ""], ["4", "5", "6"]])
    #expect(read.rows.map(\.line) == [2, 4, 6, 7])
  }

  @Test func writtenTablesAreReadBack() throws {
    for sample in 0..<200 {
      var random = CounterRandom(seed: 2, purpose: "csv", sample: UInt64(sample))
      let alphabet = Array("ab,\"\n\r é;'")
      let columns = 2 + random.integer(below: 4)
      let rows = (0...random.integer(below: 6)).map { _ in
        (0..<columns).map { _ in
          String((0..<random.integer(below: 6)).map { _ in alphabet[random.integer(below: alphabet.count)] })
        }
      }
      let ends = ["\n", "\r\n", "\r"]
      let text = rows.map { row in
        row.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",")
      }.joined(separator: ends[sample % 3])
      let read = try table(text)
      // Compared by scalars: Swift takes CR LF for one character.
      #expect(
        ([read.header] + read.rows.map(\.fields)).map { $0.map { Array($0.utf8) } }
          == rows.map { $0.map { Array($0.utf8) } })
    }
  }

  @Test func faultsNameFileAndLine() throws {
    for (text, line) in [("a,b\n1,2\n3", 3), ("a,b\n1,\"2", 2), ("a,b\n\"1\"x,2", 2), ("a,b\n1,2,3", 2)] {
      let error = #expect(throws: UserError.self) { try table(text) }
      #expect(error?.message.contains("probe.csv, line \(line)") == true, "\(text.debugDescription)")
    }
    #expect(throws: UserError.self) { try table("") }
    let wide = #expect(throws: UserError.self) {
      try CSVTable(Data([0xFF, 0xFE, 0x61, 0x00, 0x2C, 0x00]), file: "probe.csv")
    }
    #expect(wide?.message == "probe.csv is UTF-16 text")
    let error = #expect(throws: UserError.self) { try table("a,b\n1,2").column("c") }
    #expect(error?.message.contains("\"c\"") == true)
  }

  @Test func randomBytesThrowOrAreRead() {
    for sample in 0..<500 {
      var random = CounterRandom(seed: 9, purpose: "csv bytes", sample: UInt64(sample))
      let bytes = (0..<random.integer(below: 80)).map { _ in
        random.integer(below: 2) == 0
          ? UInt8(random.integer(below: 256)) : Array("\",\n\r".utf8)[random.integer(below: 4)]
      }
      do { _ = try CSVTable(Data(bytes), file: "probe") } catch { #expect(error is UserError) }
    }
  }
}

@Suite struct SCPCodesTests {
  @Test func pythonDictionariesAreRead() {
    #expect(
      SCPCodes(literal: "{'NORM': 100.0, 'LVOLT': 0.0, 'SR': 0}")?.likelihoods == ["NORM": 100, "LVOLT": 0, "SR": 0])
    #expect(SCPCodes(literal: "{}")?.likelihoods == [:])
    #expect(SCPCodes(literal: " { \"AFIB\" :1e1 , } ")?.likelihoods == ["AFIB": 10])
  }

  @Test(arguments: [
    "", "{", "{'A'}", "{'A': }", "{'A': 1", "{'A': 1 'B': 2}", "['A']", "{'A': nan}", "{A: 1}", "{} x", "{'A",
  ])
  func otherTextIsRefused(literal: String) {
    #expect(SCPCodes(literal: literal) == nil)
  }

  @Test func randomTextNeverTraps() {
    for sample in 0..<500 {
      var random = CounterRandom(seed: 4, purpose: "scp", sample: UInt64(sample))
      let alphabet = Array("{}':,\"10.A ")
      _ = SCPCodes(literal: String((0..<20).map { _ in alphabet[random.integer(below: alphabet.count)] }))
    }
  }
}
