import Cardiology
import Cluster
import Corpus
import Foundation
import Models
import Tensors

/// Asks a model about recordings: one yes/no question per superclass, and the list of superclasses as text.
///
/// The probability of a superclass is p(yes) / (p(yes) + p(no)) at the first answer token.
public struct SuperclassEvaluator {
  private let reader: ImageReader
  private let side: ModelSide
  private let answerTokens: Int

  public init(model: any VisionLanguageModel<Float>, side: ModelSide, answerTokens: Int) {
    reader = ImageReader(model: model)
    self.side = side
    self.answerTokens = answerTokens
  }

  /// Collective: the answers for all samples, in their order, on every rank; records are dealt to the ranks one by one.
  ///
  /// Each record is computed by itself, so the answers do not depend on the number of ranks.
  /// - Throws: `AgreedError` of kind stopped when a stop was asked for meanwhile.
  public func answers(
    _ samples: [ECGSample], records: RecordCache, communicator: any Communicator, stop: StopFlag
  ) throws -> [PTBXLSuper.Answer] {
    let own = Array(samples.indices.filter { $0 % communicator.size == communicator.rank })
    let results = try communicator.agree {
      try own.map { index in
        if stop.isRaised {
          throw UserError(
            .stopped, "stopped by \(StopFlag.name(of: stop.signal)) during evaluation",
            remedy: "run the same command again; an evaluation begins anew, a training is not repeated")
        }
        return try answer(about: samples[index], records: records)
      }
    }
    let probabilities = try communicator.allGather(results.flatMap(\.probabilities))
    let texts = try communicator.allGather([UInt8](try JSONEncoder().encode(results.map(\.text))))
    let decoded = try texts.map { try JSONDecoder().decode([String].self, from: Data($0)) }
    let width = Superclass.allCases.count
    return samples.enumerated().map { index, sample in
      let (rank, place) = (index % communicator.size, index / communicator.size)
      return PTBXLSuper.Answer(
        id: sample.id, gold: Set(sample.superclasses.map(\.rawValue)),
        probabilities: Array(probabilities[rank][place * width..<(place + 1) * width]), text: decoded[rank][place])
    }
  }

  /// Five probabilities and the generated list for one record.
  func answer(about sample: ECGSample, records: RecordCache) throws -> (probabilities: [Double], text: String) {
    let image = try ReadableImage(records.record(sample), for: side)
    return (
      try reader.probabilities(image),
      try reader.text(asking: Question.Kind.classification.text, image, tokens: answerTokens)
    )
  }
}
