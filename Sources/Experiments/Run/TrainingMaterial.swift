import Corpus
import Foundation
import Tensors
import Training

/// What a run learns from, whatever its kind.
protocol TrainingMaterial: Sendable {
  /// One line for the start of a run.
  var description: String { get }
  /// What a user should know about what was read, a line each.
  var remarks: [String] { get }
  /// The recordings models are evaluated on; nil where the material has none.
  var evaluated: TrainingCorpus? { get }
  /// What the scores are over, as reports say it.
  var evaluationSubset: String { get }

  /// Samples as the models are given them.
  /// - Parameters:
  ///   - store: of the teacher that ran before; nil for one that runs, or none.
  ///   - asksEveryQuestion: whether all questions about a recording are asked at once; conversations have their own.
  /// - Throws: `UserError` where a model cannot be shown this material.
  func source(
    _ configuration: RunConfiguration, student: ModelBlueprint, teacher: ModelBlueprint?, store: TeacherStore?,
    asksEveryQuestion: Bool
  ) throws -> any SampleSource

  /// What a teacher store of this material holds.
  /// - Throws: `UserError` where it cannot be stored.
  func storeSamples(_ configuration: RunConfiguration) throws -> any StoreSamples

  /// What decides what a step sees beside the configuration, by name; the teacher's name is absent while it is unknown.
  func identity(student: ModelBlueprint, teacher: String?) throws -> [String: String]

  /// The settings by which a model is given this material, in words; nil for those of the built-in models.
  func settings(of model: ModelBlueprint) throws -> String?
}

extension RunConfiguration {
  /// Reads what the `data` section names.
  /// - Throws: `UserError` for data that cannot be read or lack a fold.
  func material() throws -> any TrainingMaterial {
    data.isConversations ? try ConversationCorpus(self) : try TrainingCorpus(self)
  }
}
