import Autograd
import Tensors

extension ModelInput {
  /// An error about the input.
  func bad(_ what: String) -> UserError {
    UserError(
      .badInput, "model input: \(what)",
      remedy: "check that tokenizer, image processor and model belong together")
  }

  /// Checks ids, positions, branches and lengths against a decoder. - Throws: `UserError` saying what does not fit.
  func checkText(_ shape: any ModelConfiguration) throws {
    let vocabulary = shape.text.vocabularySize
    let imageToken = shape.imageToken
    guard sequences.total == ids.count, (positions?.count ?? ids.count) == ids.count,
      (visibleRows?.count ?? ids.count) == ids.count
    else { throw bad("\(ids.count) token ids, but sequences, positions or visible rows of another length") }
    if let id = ids.first(where: { !(0..<vocabulary).contains($0) && $0 != imageToken }) {
      throw bad("token id \(id), expected 0 to \(vocabulary - 1): the tokenizer is not this model's")
    }
    if let position = positions?.first(where: { $0 < 0 }) { throw bad("position \(position)") }
    if let window = shape.text.slidingWindow, let longest = sequences.lengths.max(), longest > window {
      throw bad("a sequence of \(longest) tokens, expected at most the decoder's sliding window of \(window)")
    }
    guard let branches else { return }
    let fits = zip(branches, sequences.lengths).allSatisfy { branches, length in
      branches.isEmpty
        || (branches[0].lowerBound > 0 && branches[branches.count - 1].upperBound == length
          && branches.allSatisfy { !$0.isEmpty }
          && zip(branches, branches.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    }
    guard branches.count == sequences.count, fits else {
      throw bad("branches that do not cover the ends of their sequences")
    }
  }

  /// Checks that there is one `<image>` token per visual token.
  func checkPlaces(imageToken: Int, expected: Int) throws {
    let places = ids.count { $0 == imageToken }
    guard places == expected else {
      throw UserError(
        .badInput,
        "model input: \(places) <image> tokens (id \(imageToken)) for \(expected) visual tokens of "
          + "\(imageSizes?.count ?? images) images",
        remedy: "put one <image> token per visual token into the text, of this model's count")
    }
  }
}
