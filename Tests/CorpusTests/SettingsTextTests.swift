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
    func shown(_ stored: String?, _ expected: String) -> [String] {
      let difference = SettingsText.difference(stored, expected)
      return [difference.stored, difference.expected]
    }
    #expect(shown(page, page.replacing("336", with: "224")) == ["shortest edge 336", "shortest edge 224"])
    #expect(shown(page, page.replacing("bicubic, ", with: "")) == ["bicubic", "none"])
    #expect(shown(page, page + ", bicubic") == ["none", "bicubic"])
    #expect(shown(page, "none") == [page, "none"])
    #expect(shown("signal, x", "image, x") == ["signal, x", "image, x"])
    #expect(shown(nil, page) == ["none", page])
    let (one, other) = (Digest.sha256(Data("1".utf8)), Digest.sha256(Data("2".utf8)))
    #expect(shown(one, other) == [String(one.prefix(16)), String(other.prefix(16))])
    let turned = page.components(separatedBy: ", ").reversed().joined(separator: ", ")
    #expect(shown(page, turned) == [page, turned])
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
