import Autograd
import Cluster
import Corpus
import Distillation
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments
@testable import Training

/// Samples of unequal numbers of images and tiles in one shard.
@Suite(.enabled(if: RealModels.areThere)) struct RaggedShardTests {
  /// Loss and gradient of a shard are the sums over its samples, each taken alone.
  @Test func aShardIsTheSumOfItsSamples() throws {
    try withTemporaryFolder { folder in
      let models = try RealModels(in: folder)
      try models.makeTeacherCutImages()
      var configuration = RunConfiguration()
      configuration.data.kind = RunConfiguration.Data.conversations
      configuration.data.path = models.chat.path
      configuration.data.images = models.images.path
      let student = try ModelBlueprint(folder: models.student)
      let teacher = try ModelBlueprint(folder: models.teacher)
      let trainee = try Trainee(
        student, objective: configuration.objective, teacher: TeacherShape(teacher.configuration), seed: 1)
      let computation = ShardComputation(
        student: trainee.model, teacher: try teacher.frozen(), method: trainee.method)
      let source = try ConversationCorpus(configuration).source(
        configuration, student: student, teacher: teacher, store: nil, asksEveryQuestion: false)
      let samples: [any TrainingSample] = try (0..<8).map { try source.prepare(position: $0) }
      #expect(Set(samples.map(\.student.tiles)) == [0, 3, 5, 8] && samples.contains { $0.student.images.count == 2 })
      try samples.forEach(computation.check)
      let counts = GlobalCounts(
        sequences: 8, answerTokens: samples.reduce(0) { $0 + $1.student.conversation.answerTokens })
      func run(_ samples: [any TrainingSample]) throws -> (parts: LossParts, gradient: [Float]) {
        let gradient = WholeGradient<Float>(trainee.arena.gradientLayout)
        let parts = try computation.run(
          try computation.prepare(samples), counts: counts, factors: computation.factors, into: gradient)
        return (parts, gradient.memory.array)
      }
      let whole = try run(samples)
      let single = try samples.map { try run([$0]) }
      for name in ["ce", "mhca", "rel", "ot"] {
        let sum = single.reduce(0) { $0 + ($1.parts.named[name] ?? 0) }
        #expect(abs((whole.parts.named[name] ?? .nan) - sum) < 1e-4 * abs(sum), "\(name)")
      }
      let largest = whole.gradient.map(abs).max() ?? 0
      let worst =
        whole.gradient.indices.map { index in
          abs(whole.gradient[index] - single.reduce(0) { $0 + $1.gradient[index] })
        }.max() ?? 0
      #expect(largest > 0 && worst < 2e-4 * largest, "\(worst) of \(largest)")
    }
  }
}
