extension Idefics3Configuration {
  /// Floating-point operations of one forward pass's matrix products; backward takes twice as many again.
  ///
  /// Attention is counted in full, also where a causal mask hides half of it, since the products compute it in full.
  /// - Parameters:
  ///   - images: full images of the batch.
  ///   - lengths: tokens of each sequence, visual tokens included.
  ///   - logitRows: rows whose logits are taken.
  public func productOperations(images: Int, lengths: [Int], logitRows: Int) -> Double {
    let patches = Double(vision.positionsPerSide * vision.positionsPerSide)
    let (width, inner) = (Double(vision.hiddenSize), Double(vision.intermediateSize))
    let cell = Double(vision.channels * vision.patchSize * vision.patchSize)
    let visionBlock = 2 * patches * width * (4 * width + 2 * inner) + 4 * patches * patches * width
    let textWidth = Double(text.hiddenSize)
    let connector = 2 * patches * width * textWidth
    let image = 2 * patches * width * cell + Double(vision.layers) * visionBlock + connector

    let (queries, keys) = (Double(text.heads * text.headWidth), Double(text.keyValueHeads * text.headWidth))
    let rowWork = 2 * textWidth * (2 * queries + 2 * keys + 3 * Double(text.intermediateSize))
    let sequences = lengths.reduce(0.0) { sum, length in
      sum + Double(text.layers) * (Double(length) * rowWork + 4 * Double(length) * Double(length) * queries)
    }
    return Double(images) * image + sequences + 2 * Double(logitRows) * textWidth * Double(text.vocabularySize)
  }
}
