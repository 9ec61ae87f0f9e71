import Cardiology
import Foundation

/// Synthetic twelve-lead recordings, made from a seed whenever they are asked for; nothing is stored.
public struct SyntheticDataset: ECGDataset {
  public let name = "synthetic"
  public let samples: [ECGSample]
  private let generator: SyntheticECG

  /// - Parameters:
  ///   - count: number of recordings, at least 1.
  ///   - seed: the recordings are a function of seed and index alone; folds 1 ... 10 are drawn from it too.
  /// - Complexity: O(count) recordings are made once for their labels.
  public init(count: Int, seed: UInt64) {
    precondition(count > 0, "a data set needs a recording")
    let generator = SyntheticECG(seed: seed)
    self.generator = generator
    samples = (0..<count).map { index in
      let made = generator.sample(index)
      return ECGSample(
        id: "synthetic-\(index)", index: index, superclasses: made.superclasses, report: made.report,
        fold: ECGSample.keyedFold(seed: seed, index: index))
    }
  }

  public func record(_ sample: ECGSample) throws -> ECGRecord {
    var record = generator.sample(sample.index).record
    record.name = sample.id
    return record
  }
}
