import Corpus
import Evaluation
import Foundation
import Tensors
import Training

/// The recordings of a run, cut into what is trained on and what is evaluated.
public struct TrainingCorpus: TrainingMaterial {
  public let dataset: any ECGDataset
  public let records: RecordCache
  public let training: [ECGSample]
  public let evaluation: [ECGSample]
  /// SHA-256 of what the data set says of its records.
  let metadataFingerprint: String
  private let fold: Int

  /// - Throws: `UserError` for a data set that cannot be read or lacks a fold.
  public init(_ configuration: RunConfiguration) throws {
    dataset = try Self.dataset(configuration.data, seed: configuration.dataSeed)
    metadataFingerprint = dataset.metadataFingerprint
    records = RecordCache(dataset)
    let asked = configuration.evaluation
    training = try dataset.samples(inFolds: Set(asked.trainFolds))
    evaluation = asked.enabled ? try dataset.samples(inFolds: [asked.fold]) : []
    fold = asked.fold
  }

  /// The data set of a configuration's `data` section.
  public static func dataset(_ data: RunConfiguration.Data, seed: UInt64) throws -> any ECGDataset {
    switch data.kind {
    case "ptb-xl": try PTBXLDataset(path: URL(fileURLWithPath: data.path))
    case RunConfiguration.Data.conversations:
      throw UserError(
        .usage, "data.kind conversations holds no recordings, which are needed here",
        remedy: "name a run or configuration whose data.kind is synthetic, ptb-xl, wfdb or eeg")
    case RunConfiguration.Data.epochs: try EEGDataset(path: URL(fileURLWithPath: data.path), epochs: data.eeg)
    case "wfdb": try WFDBFolderDataset(path: URL(fileURLWithPath: data.path), seed: seed)
    default: SyntheticDataset(count: data.records, seed: seed)
    }
  }

  /// One line for the start of a run.
  public var description: String {
    "\(dataset.name): \(training.count) records to train on, \(evaluation.count) to evaluate (fold \(fold))"
  }

  /// What the recordings are asked.
  var questions: QuestionSet { dataset.questionSet }

  /// How answers about the evaluated recordings are scored.
  func metrics(_ bootstrap: Bootstrap) -> LabelMetrics {
    LabelMetrics(
      trained: questions, subset: evaluationSubset, bootstrap: bootstrap, remarks: evaluation.remarksOnGroups)
  }

  /// What the scores are over, as reports say it.
  public var evaluationSubset: String { "\(dataset.name), fold \(fold)" }

  /// Training samples as the models are given them.
  public func preparer(
    _ configuration: RunConfiguration, student: ModelSide, teacher: ModelSide?, store: TeacherStore? = nil,
    asksEveryQuestion: Bool = false
  ) throws -> SamplePreparer {
    let asked = configuration.data
    return try SamplePreparer(
      records: records, samples: training, seed: configuration.run.seed,
      augmentation: asked.augmentation.changes, draws: asked.augmentation.draws,
      augmentationSeed: configuration.dataSeed, mix: asked.questions.mix,
      labelled: try LabelledFraction(configuration.train.labelled, seed: configuration.run.seed),
      asksEveryQuestion: asksEveryQuestion, student: student, teacher: teacher, store: store)
  }

  var remarks: [String] { dataset.remarks }

  var evaluated: TrainingCorpus? { self }

  func source(
    _ configuration: RunConfiguration, student: ModelBlueprint, teacher: ModelBlueprint?, store: TeacherStore?,
    asksEveryQuestion: Bool
  ) throws -> any SampleSource {
    try preparer(
      configuration, student: student.side, teacher: teacher?.side, store: store, asksEveryQuestion: asksEveryQuestion)
  }

  func storeSamples(_ configuration: RunConfiguration) throws -> any StoreSamples {
    try RecordingStoreSamples(self, configuration)
  }

  func settings(of model: ModelBlueprint) throws -> String? {
    let side = try model.side
    return side.prompt.settings.isEmpty ? nil : side.settings
  }

  func identity(student: ModelBlueprint, teacher: String?) throws -> [String: String] {
    let records = [metadataFingerprint, training.map(\.id).joined(separator: ",")].joined(separator: "\n")
    var parts = [
      "the training records": "\(training.count) of \(dataset.name) (\(Self.short(records)))",
      "the view": try student.side.settings,
      "the student's tokenizer": Self.short(student.tokenizer.fingerprint),
    ]
    parts[RunState.teacherKey] = teacher
    return parts
  }

  static func short(_ text: String) -> String { String(Digest.sha256(Data(text.utf8)).prefix(16)) }
}

extension RunConfiguration {
  /// Of what is drawn of the data.
  var dataSeed: UInt64 { data.seed ?? run.seed }

  /// Of the intervals of all scores.
  /// - Throws: `UserError` for fewer than 1 replicate.
  func bootstrap() throws -> Bootstrap {
    try Bootstrap(seed: run.seed, replicates: evaluation.replicates, level: 0.95)
  }
}

extension RunConfiguration.Augmentation {
  var changes: Augmentation {
    Augmentation(shift: shift, gain: gain, leadGain: leadGain, noise: noise, leadDropout: leadDropout)
  }
}

extension RunConfiguration.Questions {
  var mix: QuestionDraw.Mix {
    QuestionDraw.Mix(superclass: superclass, classification: classification, report: report)
  }
}
