import Foundation
import Testing

@testable import Tensors

@Suite struct JSONValueTests {
  private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: Data(text.utf8), file: "probe") }

  @Test func valuesAreReadAsWritten() throws {
    let value = try parse(#" {"a": [1, -2.5e1, true, null], "b": "\u00e9\ud83d\ude00\n\/"} "#)
    #expect(value["a"]?.array?.count == 4)
    #expect(value["a"]?.array?[0].integer == 1)
    #expect(value["a"]?.array?[1].integer == -25)
    #expect(value["b"]?.string == "é😀\n/")
    #expect(value["c"] == nil)
  }

  @Test func integersAndOtherNumbersStayApart() throws {
    #expect(
      try parse("[7, 7.0, -0, 9223372036854775807, 9223372036854775808, 1e2]").array == [
        .integer(7), .number(7), .integer(0), .integer(.max), .number(0x1p63), .number(100),
      ])
    #expect(JSONValue.integer(7).whole == 7 && JSONValue.number(7).whole == 7 && JSONValue.number(7.5).whole == nil)
    #expect(JSONValue.integer(7).number == 7 && JSONValue.string("7").number == nil)
    #expect(JSONValue.integer(1 << 31).integer == nil && JSONValue.integer(1 << 31).whole == 1 << 31)
    #expect(JSONValue.number(1e300).whole == nil)
  }

  @Test func halvesOfSurrogatePairsAreRefusedUnlessTheyAreReplaced() throws {
    let text = #"["a\ud800", "\udc00b", "\ud800\ud83d\ude00"]"#
    #expect(throws: UserError.self) { try parse(text) }
    let read = try JSONValue(parsing: Data(text.utf8), file: "probe", replacingHalfPairs: true)
    #expect(read.array == [.string("a\u{FFFD}"), .string("\u{FFFD}b"), .string("\u{FFFD}😀")])
  }

  @Test func numbersBeyondADoubleAreNamed() {
    let error = #expect(throws: UserError.self) { try parse("[1, -1e999]") }
    #expect(error?.message == "probe: not valid JSON at byte 4: the number -1e999 is beyond a double's range")
  }

  @Test func keysKeepTheirOrderAndTheirScalars() throws {
    // The ohm sign and omega are one string to Swift, two tokens to a vocabulary.
    let pairs = try #require(try parse(#"{"b": 1, "Ω": 2, "Ω": 3, "a": 4}"#).object)
    #expect(pairs.map { Array($0.key.utf8) } == ["b", "\u{2126}", "\u{3a9}", "a"].map { Array($0.utf8) })
    #expect(JSONValue.object(["b": .null, "a": .bool(true)]).text() == "{\n  \"a\": true,\n  \"b\": null\n}")
  }

  /// A value of random form; deeper ones are plainer.
  private func value(_ random: inout CounterRandom, depth: Int) -> JSONValue {
    switch random.integer(below: depth > 3 ? 5 : 7) {
    case 0: .null
    case 1: .bool(random.integer(below: 2) == 0)
    case 2: .integer(random.integer(below: 1 << 40) - 1 << 39)
    case 3: .number(random.uniform(-1, 1) * 1e-7)
    case 4: .string(["", "\"\\/", "\n\u{1}\u{1F}", "é😀", "a b"][random.integer(below: 5)])
    case 5: .array((0..<random.integer(below: 4)).map { _ in value(&random, depth: depth + 1) })
    default: .object((0..<random.integer(below: 4)).map { (key: "k\($0)", value: value(&random, depth: depth + 1)) })
    }
  }

  @Test func whatIsWrittenIsReadBack() throws {
    var random = CounterRandom(seed: 5, purpose: "json")
    for _ in 0..<300 {
      let written = value(&random, depth: 0)
      #expect(try parse(written.text()) == written)
    }
  }

  /// Bytes changed and cut off at random: a value or a UserError, never a trap.
  @Test func damagedTextNeverTraps() {
    var random = CounterRandom(seed: 6, purpose: "json")
    let sound = Array(#"{"a": [1, -2.5e1, true, null, {"b": "\u00e9\ud83d\ude00\n"}], "c": 12345678901234567890}"#.utf8)
    for _ in 0..<5000 {
      var bytes = sound
      for _ in 0...random.integer(below: 3) {
        bytes[random.integer(below: bytes.count)] = UInt8(random.integer(below: 256))
      }
      bytes.removeLast(random.integer(below: 3) == 0 ? random.integer(below: bytes.count) : 0)
      do { _ = try JSONValue(parsing: Data(bytes), file: "probe").text() } catch { #expect(error is UserError) }
    }
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":}", "tru", "\"\\x\"", "\"\\ud800\"", "1 2", "nan", "1e999", "[1", "\"a", "{1:2}",
    "\"\u{1}\"",
  ])
  func malformedTextIsRefusedWithItsPlace(text: String) {
    let error = #expect(throws: UserError.self) { try parse(text) }
    #expect(error?.message.contains("byte") == true)
  }

  @Test func deepNestingIsRefused() {
    #expect(throws: UserError.self) { try parse(String(repeating: "[", count: 100_000)) }
  }
}
