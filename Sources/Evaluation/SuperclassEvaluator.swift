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

  /// Records a rank answers between two meetings of all: few enough that a round stays within the limit of a step, many
  /// enough that ranks hardly wait for each other.
  private static let recordsPerRound = 16

  public init(model: any VisionLanguageModel<Float>, side: ModelSide, answerTokens: Int) {
    reader = ImageReader(model: model)
    self.side = side
    self.answerTokens = answerTokens
  }

  /// Collective: the answers for all samples, in their order, on every rank; records are dealt to the ranks one by one.
  ///
  /// Each record is computed by itself, so the answers do not depend on the number of ranks.
  /// - Parameter progress: told on every rank, after each of its own, of how many records are done.
  /// - Throws: `AgreedError` of kind stopped when a stop was asked for meanwhile.
  public func answers(
    _ samples: [ECGSample], records: RecordCache, communicator: any Communicator, stop: StopFlag,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [PTBXLSuper.Answer] {
    let round = communicator.size * Self.recordsPerRound
    var results: [(probabilities: [Double], text: String)] = []
    for start in stride(from: 0, to: samples.count, by: round) {
      communicator.status.begin(.evaluation)
      let own = (start..<min(start + round, samples.count)).filter { $0 % communicator.size == communicator.rank }
      results += try communicator.agree {
        try own.compactMap { index in
          guard !stop.isRaised else { return nil }
          defer { progress(min(samples.count, index - communicator.rank + communicator.size)) }
          return try answer(about: samples[index], records: records)
        }
      }
      let signal = try stop.agreed(among: communicator)
      guard signal == 0 else {
        throw AgreedError(
          UserError(
            .stopped, "stopped by \(StopFlag.name(of: signal)) during evaluation",
            remedy: "run the same command again; an evaluation begins anew, a training is not repeated"))
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
