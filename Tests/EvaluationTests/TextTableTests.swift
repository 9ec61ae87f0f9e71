import Testing

@testable import Evaluation

/// Numbers and estimates as tables show them.
@Suite struct TextTableTests {
  @Test func aNumberHasItsDecimalsAndZeroNoSign() {
    for (value, text) in [
      (0.8125, "0.813"), (-0.8125, "-0.813"), (0.0004, "0.000"), (-0.0004, "0.000"), (-0.0, "0.000"), (12, "12.000"),
      (1.0625, "1.063"), (-0.0006, "-0.001"),
    ] {
      #expect(TextTable.decimals(value, 3) == text, "\(value)")
    }
    #expect(TextTable.decimals(0.4, 1) == "0.4" && TextTable.decimals(99.6, 0) == "100")
    #expect(TextTable.decimals(nil, 3) == "undefined" && TextTable.decimals(.infinity, 3) == "inf")
    #expect(
      TextTable.decimals(0.0125, 2, signed: true) == "+0.01" && TextTable.decimals(-0.5, 1, signed: true) == "-0.5")
    #expect(TextTable.decimals(0.001, 2, signed: true) == "0.00" && TextTable.decimals(0, 2, signed: true) == "0.00")
  }

  @Test func anEstimateHasAValueAndAnInterval() {
    let whole = Estimate(value: 0.25, low: -0.0001, high: 0.5)
    #expect(TextTable.cells(whole) == ["0.250", "0.000 .. 0.500"])
    #expect(TextTable.cells(whole, percent: true) == ["25.0", "0.0 .. 50.0"])
    #expect(TextTable.cells(whole, signed: true) == ["+0.250", "0.000 .. +0.500"])
    #expect(TextTable.cells(Estimate(value: 0.25)) == ["0.250", "no interval"])
    #expect(TextTable.cells(Estimate(value: nil)) == ["undefined", ""])
    #expect(TextTable.cells(nil) == ["-", ""])
  }
}
