import Corpus
import Foundation
import Tensors
import Training

/// Conversations about images as what a run learns from: all of them, without folds and without an evaluation.
struct ConversationCorpus: TrainingMaterial {
  let dataset: ConversationDataset
  private let isEvaluationAsked: Bool
  private let labelled: LabelledFraction

  /// - Throws: `UserError` for conversations that cannot be read, or whose images are not there.
  init(_ configuration: RunConfiguration) throws {
    let asked = configuration.data
    dataset = try ConversationDataset(
      path: URL(fileURLWithPath: asked.path), root: asked.images.isEmpty ? nil : URL(fileURLWithPath: asked.images),
      missingImages: ConversationDataset.MissingImages(rawValue: asked.missingImages) ?? .refused)
    isEvaluationAsked = configuration.evaluation.enabled
    labelled = try LabelledFraction(configuration.train.labelled, seed: configuration.run.seed)
  }

  var description: String { "\(dataset.name): \(dataset.conversations.count) conversations to train on" }

  var remarks: [String] {
    let evaluation =
      "conversations have no folds and no scores of their own, so no model is evaluated; `evl-dist evaluate` scores the "
      + "student on a benchmark"
    return dataset.remarks + [dataset.remark(on: labelled), isEvaluationAsked ? evaluation : nil].compactMap { $0 }
  }

  var evaluated: TrainingCorpus? { nil }

  var evaluationSubset: String { dataset.name }

  func source(
    _ configuration: RunConfiguration, student: ModelBlueprint, teacher: ModelBlueprint?, store: TeacherStore?,
    asksEveryQuestion: Bool
  ) throws -> any SampleSource {
    // `labelled` is the student's: a teacher that is trained first uses every answer.
    let seed = configuration.run.seed
    return try ConversationPreparer(
      dataset: dataset, seed: seed, labelled: LabelledFraction(configuration.train.labelled, seed: seed),
      student: student.conversationSide(), teacher: teacher?.conversationSide(), store: store)
  }

  func storeSamples(_ configuration: RunConfiguration) throws -> any StoreSamples {
    try ConversationStoreSamples(dataset, configuration)
  }

  func identity(student: ModelBlueprint, teacher: String?) throws -> [String: String] {
    var parts = [
      "the conversations": "\(dataset.conversations.count) (\(dataset.fingerprint.prefix(16)))",
      "the view": try student.conversationSide().settings,
      "the student's tokenizer": TrainingCorpus.short(student.tokenizer.fingerprint),
    ]
    parts[RunState.teacherKey] = teacher
    return parts
  }

  func settings(of model: ModelBlueprint) throws -> String? {
    model.folder == nil ? nil : try model.conversationSide().settings
  }
}
