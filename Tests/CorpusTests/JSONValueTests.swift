import Foundation
import Tensors
import Testing

@testable import Corpus

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
