import Cluster
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

/// Models whose numbers run over: finished ones are refused, those in training count as undecided.
@Suite struct OverflowTests {
  private final class SilentObserver: TrainingObserver {
    func began(phase: String, step: Int, steps: Int, parameters: Int) {}
    func finished(_ record: StepRecord, phase: String) throws {}
    func scored(_ scores: Scores, phase: String) {}
    func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) {}
    func progress(_ name: String, done: Int, of count: Int) {}
    func note(_ message: String) {}
    func warn(_ message: String) {}
  }

  /// Weights that are numbers themselves, and of which no sum is one.
  private func overflowing(_ blueprint: ModelBlueprint) throws -> any VisionLanguageModel<Float> {
    let model = try blueprint.frozen(seed: 1)
    for parameter in model.arena.parameters { parameter.value.fill(3e38) }
    return model
  }

  @Test func aFinishedModelIsRefusedAndOneToBeTrainedIsUndecided() throws {
    try withTemporaryFolder { folder in
      var configuration = RunConfiguration()
      configuration.data.records = 100
      configuration.evaluation.every = 1
      configuration.evaluation.answerTokens = 1
      configuration.evaluation.replicates = 10
      let corpus = try TrainingCorpus(configuration)
      #expect(!corpus.evaluation.isEmpty)
      let evaluator = RunEvaluator(
        context: RunContext(
          communicator: SingleRank(), configuration: configuration, stop: StopFlag(), observer: SilentObserver()),
        corpus: corpus, folder: folder)
      let blueprint = try ModelBlueprint(builtIn: .student, view: configuration.data.view)
      let (model, side) = (try overflowing(blueprint), try blueprint.side)
      for role in [RunEvaluator.Model.teacher, .after] {
        let refused = #expect(throws: AgreedError.self) { try evaluator.report(role, model, side, cache: nil) }
        #expect(refused?.error.kind == .badInput && refused?.error.message.contains("is no number") == true)
      }
      let before = try #require(try evaluator.report(.before, model, side, cache: nil))
      for scored in try #require(before.probabilities).classes { #expect(scored.auc.value.map { $0 == 0.5 } ?? true) }
      let periodic = try #require(evaluator.periodic(model, side))
      let score = try periodic.score(1)
      #expect(score == before.probabilities?.macroAUC.value)
    }
  }

  @Test func interpretRefusesIt() throws {
    try withTemporaryFolder { folder in
      let blueprint = try ModelBlueprint(builtIn: .student, view: "signal")
      try blueprint.save(try overflowing(blueprint), to: folder)
      let interpreter = try Interpreter(model: folder, team: ThreadTeam(threads: 1))
      let subject = try interpreter.subject("synthetic:3")
      let refused = #expect(throws: UserError.self) { try interpreter.probabilities(of: subject) }
      #expect(refused?.kind == .badInput && refused?.message.contains("probability of NORM is ") == true)
    }
  }
}
