import Cardiology
import Cluster
import Corpus
import Foundation
import Models
import Tensors

/// Asks a model about recordings as in training: one yes/no question per label (of PTB-XL, per superclass), and the list of
/// labels as text.
///
/// The probability of a label is p(yes) / (p(yes) + p(no)) at the first answer token.
public struct LabelEvaluator {
  private let reader: ImageReader
  private let side: ModelSide
  private let space: LabelSpace
  private let answerTokens: Int
  private let refusesNoNumbers: Bool

  /// - Parameters:
  ///   - space: what is asked.
  ///   - refusesNoNumbers: whether a probability that is no number ends the evaluation, in place of counting as 0.5: a student
  ///     that is to be trained, or is in training, may recover; a finished model may not be scored so.
  public init(
    model: any VisionLanguageModel<Float>, side: ModelSide, space: LabelSpace, answerTokens: Int,
    refusesNoNumbers: Bool
  ) {
    self.space = space
    self.refusesNoNumbers = refusesNoNumbers
    reader = ImageReader(model: model)
    self.side = side
    self.answerTokens = answerTokens
  }

  /// Collective: the answers for all samples, in their order, on every rank; records are dealt to the ranks one by one.
  ///
  /// Each record is computed by itself, so the answers do not depend on the number of ranks.
  /// - Parameter progress: told on every rank, after each of its own, of how many records are done.
  /// - Throws: `AgreedError` of kind stopped when a stop was asked for meanwhile, of kind bad input for a probability that is
  ///   refused.
  public func answers(
    _ samples: [ECGSample], records: RecordCache, communicator: any Communicator, stop: StopFlag,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [LabelAnswer] {
    let results = try communicator.dealt(
      0..<samples.count, stop: stop,
      remedy: "run the same command again; an evaluation begins anew, a training is not repeated", progress: progress
    ) { index in try answer(about: samples[index], records: records) }
    return zip(samples, results).map { sample, result in
      LabelAnswer(
        id: sample.id, gold: sample.labels, probabilities: result.probabilities, text: result.text,
        subject: sample.subject)
    }
  }

  /// What a model says of one record.
  struct Reading: Codable {
    var probabilities: [Double]
    var text: String
  }

  /// A probability of each label and the generated list for one record.
  func answer(about sample: ECGSample, records: RecordCache) throws -> Reading {
    let image = try ReadableImage(records.record(sample), for: side)
    let probabilities = try reader.probabilities(image, of: space.questions)
    guard !refusesNoNumbers || probabilities.allSatisfy({ !$0.isNaN }) else {
      throw UserError(
        .badInput, "record \(sample.id): the model's probability is no number, so its training has diverged",
        remedy: "train it with a lower train.learning_rate or with train.clip")
    }
    return Reading(
      probabilities: probabilities.map { $0.isNaN ? 0.5 : $0 },
      text: try reader.text(asking: space.listing, image, tokens: answerTokens))
  }
}
