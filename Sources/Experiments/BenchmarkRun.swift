import Cluster
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// Runs the benchmark `ptb-xl-super` on a model folder, or scores answers that someone else produced.
public struct BenchmarkRun {
  private let communicator: any Communicator
  private let stop: StopFlag
  private let seed: UInt64

  public init(communicator: any Communicator, stop: StopFlag, seed: UInt64) {
    self.communicator = communicator
    self.stop = stop
    self.seed = seed
  }

  /// Collective: evaluates the model of a folder; the same report for any number of ranks.
  ///
  /// - Parameters:
  ///   - chatTemplate: named by the user; empty for the folder's own, or its family's.
  ///   - save: file for the model's answers as JSON lines.
  ///   - note: told what a user should know of how the model is asked, on rank 0.
  public func evaluate(
    model folder: URL, chatTemplate: String = "", data: URL, fold: Int, save: URL?, note: (String) -> Void = { _ in }
  ) throws -> PTBXLSuperReport {
    ProductLibrary.setThreads(1)
    let (dataset, samples) = try communicator.agree { try load(data, fold) }
    let (blueprint, model) = try communicator.agree {
      let blueprint = try ModelBlueprint(folder: folder, chatTemplate: ChatTemplateRule(named: chatTemplate))
      if communicator.isController, let remark = try blueprint.remark(inConversations: false) { note(remark) }
      return (blueprint, try blueprint.frozen())
    }
    let answers = try SuperclassEvaluator(
      model: model, side: try blueprint.side, answerTokens: RunConfiguration().evaluation.answerTokens
    )
    .answers(samples, records: RecordCache(dataset), communicator: communicator, stop: stop)
    return try communicator.agree {
      if communicator.isController, let save {
        try Predictions(answers.map { Prediction(id: $0.id, text: $0.text ?? "") }).write(to: save)
      }
      return try task(dataset, fold).report(answers)
    }
  }

  /// Collective: scores the answers of a predictions file, by record number or by any id that ends with it.
  public func score(predictions file: URL, data: URL, fold: Int) throws -> PTBXLSuperReport {
    try communicator.agree {
      let (dataset, samples) = try load(data, fold)
      let answers = try Predictions(contentsOf: file).answers(to: samples.map(\.id), benchmark: PTBXLSuper.name)
      let texts = Dictionary(answers.map { ($0.id, $0.text) }, uniquingKeysWith: { first, _ in first })
      return try task(dataset, fold).report(
        samples.map {
          PTBXLSuper.Answer(id: $0.id, gold: Set($0.superclasses.map(\.rawValue)), text: texts[$0.id])
        })
    }
  }

  private func load(_ data: URL, _ fold: Int) throws -> (PTBXLDataset, [ECGSample]) {
    let dataset = try PTBXLDataset(path: data)
    return (dataset, try dataset.samples(inFolds: [fold]))
  }

  private func task(_ dataset: PTBXLDataset, _ fold: Int) throws -> PTBXLSuper {
    PTBXLSuper(
      subset: "\(dataset.name), fold \(fold)",
      bootstrap: try Bootstrap(seed: seed, replicates: RunConfiguration().evaluation.replicates, level: 0.95))
  }
}
