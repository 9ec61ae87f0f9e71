import Cluster
import Corpus
import Evaluation
import Foundation
import Tensors
import Training

extension Ablation {
  /// Collective: what the teachers of all folds say of the records of their own; nil where that of one of them is.
  /// - Throws: as below.
  func teacherAnswers(_ folds: [AblationPlan.Common]) throws -> AblationAnswers? {
    var found: [AblationAnswers] = []
    for common in folds {
      let corpus = try communicator.agree { try TrainingCorpus(common.base) }
      guard let answers = try teacherAnswers(common, corpus) else { return nil }
      found.append(answers)
    }
    return AblationAnswers(found)
  }

  /// Collective: what the teacher of all runs says of the evaluated records; nil where none learns from it, it is not at
  /// hand, or it is not asked for.
  ///
  /// Its answers are kept in `teacher/`, in a folder named by what they depend on.
  /// - Throws: `AgreedError` of kind stopped when a stop was asked for meanwhile.
  private func teacherAnswers(_ common: AblationPlan.Common, _ corpus: TrainingCorpus) throws -> AblationAnswers? {
    guard ablation.teacher ?? base.teacher.path.isEmpty, common.teacher != nil || common.store != nil,
      let teacher = try teacher(common, corpus)
    else { return nil }
    let home = try communicator.agree { try self.home(of: teacher, corpus) }
    let isKept = try communicator.agree { communicator.isController && AblationAnswers.exist(in: home) ? 1 : 0 }
    if try communicator.broadcast(isKept) == 1 {
      return try communicator.agree { try AblationAnswers(in: home) }
    }
    if communicator.isController {
      observers.main.note(
        "evaluating the teacher on \(corpus.evaluation.count) records (ablation.teacher=false leaves it out)")
    }
    let start = Stopwatch.now
    let evaluator = LabelEvaluator(
      model: teacher.model, side: try teacher.blueprint.side, space: .trained(corpus.questions),
      answerTokens: base.evaluation.answerTokens, refusesNoNumbers: true)
    let found = try evaluator.answers(
      corpus.evaluation, records: corpus.records, communicator: communicator, stop: stop)
    let answers = AblationAnswers(subset: corpus.evaluationSubset, seconds: Stopwatch.now - start, found)
    try communicator.agree {
      guard communicator.isController else { return }
      try makeFolder(home)
      try answers.write(to: home)
    }
    return answers
  }

  /// Collective: the teacher that the runs learned from; nil where it is not here, or another one is.
  private func teacher(_ common: AblationPlan.Common, _ corpus: TrainingCorpus) throws -> TeacherModel? {
    let context = RunContext(
      communicator: communicator, configuration: common.base, stop: stop, observer: observers.main)
    let found = try BuiltInTeacher(context: context, corpus: corpus).found()
    let isTheirs = try communicator.agree {
      guard let store = common.store else { return found != nil }
      return try found?.identity == TeacherStore(store).index.teacher.digest
    }
    guard isTheirs else {
      if communicator.isController { observers.main.note("the teacher is not at hand, and is not scored") }
      return nil
    }
    return found
  }

  /// Where its answers are kept.
  private func home(of teacher: TeacherModel, _ corpus: TrainingCorpus) throws -> URL {
    let depends = [
      teacher.identity, corpus.evaluationSubset, corpus.metadataFingerprint, try teacher.blueprint.side.settings,
      "\(base.evaluation.answerTokens)",
    ]
    let name = Digest.sha256(Data(depends.joined(separator: "\n").utf8)).prefix(16)
    return folder.appendingPathComponent("teacher").appendingPathComponent(String(name))
  }
}
