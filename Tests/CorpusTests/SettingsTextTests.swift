import Foundation
import Tensors
import TestSupport
import Testing

@testable import Corpus

/// The words of fingerprints.
@Suite struct SettingsTextTests {
  /// Checkpoints and stores hold these words: they may not change with names in this program.
  @Test func processorsAreDescribedInWordsOfTheirOwn() throws {
    func settings(_ file: String) throws -> String {
      try withTemporaryFolder { folder in
        try Data(file.utf8).write(to: folder.appendingPathComponent("preprocessor_config.json"))
        return try ImageProcessorFile.processor(in: folder).settings
      }
    }
    let idefics3 =
      #"{"image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 512}, "#
      + #""max_image_size": {"longest_edge": 512}, "rescale_factor": 0.00392156862745098}"#
    #expect(
      try settings(idefics3)
        == "Idefics3 processor, longest edge 512, tile 512, split, lanczos, rescale 1/255, mean 0.5 0.5 0.5, "
        + "deviation 0.5 0.5 0.5")
    let clip = #"{"image_processor_type": "CLIPImageProcessor", "do_normalize": false, "rescale_factor": 0.5}"#
    #expect(
      try settings(clip)
        == "CLIP processor, shortest edge 224, middle 224 x 224, bicubic, rescale 0.5, not normalised")
    #expect("\(PixelScaling(rescale: nil))" == "not rescaled, not normalised")
    let names = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]
    #expect(ResamplingFilter.allCases.map { "\($0)" } == names)
  }

  @Test func ofLongTextsOnlyWhatDiffersIsShown() {
    let page = "page view, 2200 x 1700, CLIP processor, shortest edge 336, bicubic, rescale 1/255"
    func expectBoth(
      _ stored: String, _ expected: String, _ words: (String, String), _ place: SourceLocation = #_sourceLocation
    ) {
      let shown = SettingsText.difference(stored, expected)
      #expect(shown == "the store has \(words.0), expected \(words.1)", sourceLocation: place)
    }
    expectBoth(page, page.replacing("336", with: "224"), ("shortest edge 336", "shortest edge 224"))
    expectBoth(page, "none", (page, "none"))
    expectBoth("signal, x", "image, x", ("signal, x", "image, x"))
    let (one, other) = (Digest.sha256(Data("1".utf8)), Digest.sha256(Data("2".utf8)))
    expectBoth(one, other, (String(one.prefix(16)), String(other.prefix(16))))
    let turned = page.components(separatedBy: ", ").reversed().joined(separator: ", ")
    expectBoth(page, turned, (page, turned))
    #expect(
      SettingsText.difference(page, page.replacing("bicubic, ", with: ""))
        == "the store has bicubic, which is not expected")
    #expect(SettingsText.difference(page, page + ", bicubic") == "the store lacks bicubic")
  }

  /// Neither the text "none" beside nothing, nor digests that begin alike, nor a setting called none.
  @Test func equalSidesAreNeverNamedAsADifference() {
    #expect(SettingsText.difference(nil, "none") == "the store does not say, expected none")
    #expect(SettingsText.difference("none", "none") == nil)
    let page = (0..<9).map { "setting \($0)" }.joined(separator: ", ")
    #expect(SettingsText.difference(page, page) == nil)
    #expect(SettingsText.difference(page, page + ", none") == "the store lacks none")
    let start = String(repeating: "0123456789abcdef", count: 3)
    let (one, other) = (start + "0000000000000000", start + "1111111111111111")
    #expect(SettingsText.difference(one, other) == "the store has \(one), expected \(other)")
    var random = CounterRandom(seed: 7, purpose: "differences")
    func list() -> String {
      (0..<random.integer(below: 12)).map { _ in ["a", "none", "", one, other, "x y"][random.integer(below: 6)] }
        .joined(separator: ", ")
    }
    for _ in 0..<2000 {
      let (stored, expected) = (list(), list())
      let shown = SettingsText.difference(stored, expected)
      #expect((shown == nil) == (stored == expected), "\(stored) | \(expected)")
      guard let sides = shown?.dropFirst("the store has ".count).components(separatedBy: ", expected "),
        sides.count == 2
      else { continue }
      #expect(sides[0] != sides[1], "\(stored) | \(expected)")
    }
  }

  @Test func textsAreBrokenAtSpaces() {
    #expect(SettingsText.wrapped("aa bb cc", width: 5) == ["aa bb", "cc"])
    #expect(SettingsText.wrapped("aaaaaaa b\nc", width: 5) == ["aaaaaaa", "b c"])
    #expect(SettingsText.wrapped(" ", width: 5) == [""])
    let text = (0..<200).map { String($0) }.joined(separator: " ")
    let lines = SettingsText.wrapped(text, width: 40)
    #expect(lines.allSatisfy { $0.count <= 40 } && lines.joined(separator: " ") == text)
  }
}
