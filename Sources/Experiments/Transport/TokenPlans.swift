import Cardiology
import Corpus
import Evaluation
import Foundation
import Tensors
import Training

/// A run's student and teacher side by side, and what joins their image tokens: the transport plan under the map that the
/// run has trained, and the alignment's cross-attention, as far as the run has them.
///
/// Drawn over recordings, they show from where in the teacher's input a token of the student takes its mass.
public struct TokenPlans {
  /// The plans of one recording.
  public struct Drawing {
    /// The recording as the models saw it.
    public let record: ECGRecord
    /// [teacher tokens, student tokens], mass 1 but for the solver's tolerance.
    public let plans: [PlanKind: Tensor<Float>]
    /// Share of the student image tokens' attention that falls on the teacher's image tokens.
    public let attentionOnImage: Double?
  }

  let run: TrainedRun
  let corpus: TrainingCorpus
  let teacher: TeacherModel
  let teacherReader: TokenReader
  let source: PlanSource

  /// Checkpoint that the student is of.
  public var step: Int { run.checkpoint.step }
  /// Newer checkpoints that are damaged, and why.
  public var skipped: [String] { run.skipped }

  /// - Throws: `UserError` for a folder without a sound checkpoint, a run whose teacher is gone, and one trained
  ///   without transport and alignment, or on something else than ECGs.
  public init(_ url: URL) throws { try self.init(TrainedRun(url)) }

  init(_ run: TrainedRun) throws {
    ProductLibrary.setThreads(1)
    self.run = run
    guard run.configuration.data.kind != RunConfiguration.Data.epochs else {
      throw UserError(
        .usage, "\(run.name) was trained on an EEG, and plans are drawn over ECGs", remedy: "name a run of ECGs")
    }
    let projection = try run.projection()
    let attention = try run.attention()
    guard projection != nil || attention != nil else {
      throw UserError(
        .usage, "\(run.name) was trained without the transport and alignment terms, which join the two models' tokens",
        remedy: "train with objective.method=evl")
    }
    var settings = run.configuration
    settings.evaluation.enabled = true
    settings.data.path = run.located(settings.data.path).path
    corpus = try TrainingCorpus(settings)
    let student = try run.student()
    teacher = try run.teacher(of: corpus)
    teacherReader = try TokenReader(model: teacher.model, side: teacher.blueprint.side)
    source = run.plans(of: student, projection: projection, attention: attention)
  }

  /// The plans of the first records of the evaluation fold.
  ///
  /// - Throws: `UserError` for a recording that cannot be read.
  /// - Complexity: for each record a forward pass of each model and a transport problem.
  public func drawings(records: Int) throws -> [Drawing] {
    try corpus.evaluation.prefix(records).map { sample in
      let record = try corpus.records.record(sample)
      let plans = try source.plans(student: source.reader.read(record), teacher: teacherReader.read(record))
      return Drawing(record: record, plans: plans.plans, attentionOnImage: plans.imageShare)
    }
  }

  /// - Throws: `UserError` of kind usage where the tokens of a model have no place on a recording.
  public func places() throws -> TokenPlaces {
    let sides = [source.reader, teacherReader]
    let views = sides.compactMap { $0.side.view as? SignalView }
    guard views.count == sides.count else {
      return .leads(try PlanGeometry(student: source.reader, teacher: teacherReader))
    }
    let times = zip(sides, views).map { side, view in view.times(ofTokens: side.model.tokensPerImage) }
    return .times(student: times[0], teacher: times[1])
  }
}

extension SignalView {
  /// The seconds that each of so many tokens holds, in their order; a token is a block of the connector.
  fileprivate func times(ofTokens count: Int) -> [ClosedRange<Double>] {
    let windows = max(1, windowCount / max(1, count))
    return (0..<count).map { token in
      let first = min(windowCount - 1, token * windows)
      let last = min(windowCount - 1, first + windows - 1)
      return Double(start(ofWindow: first))
        / ConditionedECG.samplingRate...Double(start(ofWindow: last) + windowSamples) / ConditionedECG.samplingRate
    }
  }
}
