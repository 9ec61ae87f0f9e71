import Autograd
import Tensors

/// A LLaVA folder with rows of embedding and output head for tokens past its vocabulary, as llava-hf's conversion of the
/// original LLaVA makes room for `<image>` and `<pad>`.
///
/// The vocabulary grows to a multiple of 64. New rows are the mean of the old ones: numbers of ordinary size, and in the
/// head a logit that is the mean of all others, so that no new token is ever the likeliest. (llava-hf draws them from a
/// narrow normal distribution about the same mean.)
public struct ExtendedVocabulary {
  /// With the ids of the two tokens and the larger vocabulary.
  public let configuration: LlavaConfiguration
  private let folder: ModelFolder

  /// Tensors stay as they are where the vocabulary has both ids. - Returns: nil for a model that is no LLaVA.
  public init?(_ folder: ModelFolder, image: Int, pad: Int) {
    guard var configuration = folder.configuration as? LlavaConfiguration else { return nil }
    let needed = max(image, pad) + 1
    if needed > configuration.text.vocabularySize { configuration.text.vocabularySize = (needed + 63) / 64 * 64 }
    configuration.imageToken = image
    configuration.tokens.pad = pad
    self.configuration = configuration
    self.folder = folder
  }

  /// A tensor of the layout of `configuration`.
  ///
  /// - Throws: `UserError` naming a tensor with an infinite value or one that is not a number.
  public func tensor<Element: Scalar>(_ entry: ParameterLayout.Entry) throws -> Tensor<Element> {
    guard let own = folder.layout.entries.first(where: { $0.name == entry.name }) else {
      preconditionFailure("\(entry.name) is no tensor of the model")
    }
    let stored: Tensor<Element> = try folder.tensor(own)
    return own.shape == entry.shape ? stored : Self.extended(stored, to: entry.shape)
  }

  /// Further rows, each the mean of those there are. - Complexity: O(elements).
  private static func extended<Element: Scalar>(_ old: Tensor<Element>, to shape: [Int]) -> Tensor<Element> {
    let columns = old.columns
    var sums = [Double](repeating: 0, count: columns)
    for row in 0..<old.rows {
      for column in 0..<columns { sums[column] += Double(old[row * columns + column]) }
    }
    let mean = sums.map { Element($0 / Double(old.rows)) }
    let result = Tensor<Element>(uninitialised: shape)
    result.slice(0..<old.rows).copy(from: old)
    for row in old.rows..<shape[0] { result.slice(row..<row + 1).copy(from: mean) }
    return result
  }
}
