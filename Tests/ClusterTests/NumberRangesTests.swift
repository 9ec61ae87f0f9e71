import Testing

@testable import Cluster

@Suite struct NumberRangesTests {
  @Test func listsOfTheKernelAreRead() {
    #expect(NumberRanges.parse("0-3,8\n") == [0, 1, 2, 3, 8])
    #expect(NumberRanges.parse("5") == [5] && NumberRanges.parse(" 7,1-2,2 ") == [1, 2, 7])
    #expect(NumberRanges.parse("") == [] && NumberRanges.parse("\n") == [])
  }

  @Test func damagedListsAreNone() {
    for text in ["a", "1-", "-1", "3-1", "1,,2", "1-2-3", "0-99999999", "1 2", ","] {
      #expect(NumberRanges.parse(text) == nil, "\(text)")
    }
  }

  @Test func textAndListAgree() {
    #expect(NumberRanges.text([8, 1, 0, 2, 3]) == "0-3,8")
    #expect(
      NumberRanges.text([Int]()) == "" && NumberRanges.text([4, 4]) == "4" && NumberRanges.text([1, 2]) == "1-2")
    for numbers in [[0], [0, 2, 4], Array(5..<90), [1, 2, 3, 7, 8, 100]] {
      #expect(NumberRanges.parse(NumberRanges.text(numbers)) == numbers)
    }
  }
}
