import Autograd
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
  private let generator: Generator<Float>
  private let side: ModelSide
  private let answerTokens: Int

  public init(model: any VisionLanguageModel<Float>, side: ModelSide, answerTokens: Int) {
    generator = Generator(model)
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
    let pixels = try side.view.pixelValues(of: records.record(sample))
    return (
      try probabilities(pixels), try text(asking: Question.Kind.classification.text, pixels, tokens: answerTokens)
    )
  }

  /// p(yes) / (p(yes) + p(no)) of each superclass, in the order of `Superclass.allCases`.
  ///
  /// The five questions are branches behind one image, which is computed once.
  public func probabilities(_ pixels: [Float]) throws -> [Double] {
    let common = side.prompt.commonLength
    let prompts = try Superclass.allCases.map { superclass -> TokenizedConversation in
      let ids = try side.prompt.ids(asking: Question.Kind.superclass(superclass).text) + side.prompt.sharedAnswer
      return TokenizedConversation(ids: ids, answerStart: ids.count)
    }
    let tokens = [Int(side.prompt.yesId), Int(side.prompt.noId)]
    let questions = TokenizedConversation(prompts, common: common)
    return try generator.firstTokenProbabilities(input(questions, pixels), of: tokens).map { pair in
      let sum = pair[0] + pair[1]
      return sum > 0 ? pair[0] / sum : 0.5
    }
  }

  /// The greedy answer to a question about an image.
  public func text(asking question: String, _ pixels: [Float], tokens: Int) throws -> String {
    let prompt = try side.prompt.ids(asking: question)
    let ids = try generator.generate(
      input(TokenizedConversation(ids: prompt, answerStart: prompt.count), pixels), maximumNewTokens: tokens,
      stopTokens: [Int(side.prompt.endId)])
    return side.prompt.tokenizer.decode(ids[0].map(Int32.init), skippingSpecialTokens: true)
      .trimmingCharacters(in: .whitespaces)
  }

  /// One image and what is asked about it.
  private func input(_ conversation: TokenizedConversation, _ pixels: [Float]) -> ModelInput<Float> {
    let image = side.view.geometry
    return ModelInput(
      pixels: Tensor(pixels, [image.tiles, 3, image.tile.height, image.tile.width]),
      imageSizes: [ImageSize(height: image.original.height, width: image.original.width)],
      ids: conversation.ids.map(Int.init),
      sequences: Segments(lengths: [conversation.ids.count]),
      branches: conversation.branches.isEmpty ? nil : [conversation.branches])
  }
}
