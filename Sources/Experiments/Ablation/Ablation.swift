import Cluster
import Corpus
import Distillation
import Evaluation
import Foundation
import Tensors
import Training

/// Trains every method of an ablation under every condition with every seed, from one teacher, and compares them.
///
/// Each run is a run folder like any other, made by the settings in its `config.yaml`. The ranks take runs from one queue,
/// each doing whole runs by itself, or do one after the other together; since a run's bits do not depend on the ranks, the
/// results are the same. Whatever was done is found again by the next start. All ranks run it together.
public final class Ablation {
  /// What the job ends with.
  public enum Outcome {
    case finished(AblationReport)
    /// Stopped by this signal; the same command goes on.
    case stopped(signal: Int)
  }

  /// Where what happens is told.
  public struct Observers {
    /// Of the teacher's training and of the ablation as a whole.
    public var main: any TrainingObserver
    /// Of a run, by its folder, on the rank that does it.
    public var run: (URL) -> any TrainingObserver
    /// Told on rank 0 of samples of the teacher store.
    public var store: (StoreProgress) -> Void

    public init(
      main: any TrainingObserver, run: @escaping (URL) -> any TrainingObserver,
      store: @escaping (StoreProgress) -> Void
    ) {
      (self.main, self.run, self.store) = (main, run, store)
    }
  }

  let ablation: AblationConfiguration
  let base: RunConfiguration
  let communicator: any Communicator
  let stop: StopFlag
  private let file: URL
  private let assignments: [String]
  private let environment: RunEnvironment
  let observers: Observers
  var folder: URL { URL(fileURLWithPath: base.run.folder) }

  /// - Parameters:
  ///   - file: the configuration, with its section `ablation`.
  ///   - base: what the file's other sections and the assignments resolve to.
  public init(
    _ ablation: AblationConfiguration, file: URL, assignments: [String], base: RunConfiguration,
    communicator: any Communicator, stop: StopFlag, environment: RunEnvironment, observers: Observers
  ) {
    (self.ablation, self.file, self.assignments, self.base) = (ablation, file, assignments, base)
    (self.communicator, self.stop) = (communicator, stop)
    (self.environment, self.observers) = (environment, observers)
  }

  /// Collective: does what is not done, and reports when all is.
  public func run() throws -> Outcome {
    var lock: FolderLock?
    defer { lock?.release() }
    let records = try communicator.agree {
      let found = try scoredRecords()
      if communicator.isController {
        try makeFolder(folder)
        lock = try FolderLock.take(folder, waiting: observers.main.note)
      }
      return found
    }
    try compareRanks()
    var commons = commons(records.questions)
    let planned = try communicator.agree { try schedule(commons) }
    for fold in commons.indices {
      if let signal = try teach(&commons[fold], planned[fold]) { return .stopped(signal: signal) }
    }
    var searches: [AblationReport.Search] = []
    for grid in ablation.grids {
      // No grid comes with folds of their own, so there is one of what all share.
      let plan = try communicator.agree { try AblationPlan(grid: grid, of: ablation, commons[0]) }
      if let signal = try perform(plan, "grid of \(grid.method)") { return .stopped(signal: signal) }
      let found = try communicator.agree { try AblationReport.Search(grid, plan) }
      searches.append(found)
      if communicator.isController {
        observers.main.note("grid of \(grid.method): \(found.best.joined(separator: ", "))")
      }
    }
    let plan = try communicator.agree {
      AblationPlan(try commons.map { try AblationPlan(ablation, $0, found: searches.map(\.best)) })
    }
    if let signal = try perform(plan, "ablation") { return .stopped(signal: signal) }
    let teacher: AblationAnswers?
    do { teacher = try teacherAnswers(commons) } catch let agreed as AgreedError
      where agreed.error.kind == .stopped
    {
      return .stopped(signal: stop.signal)
    }
    return .finished(
      try communicator.agree {
        let report = try AblationReport(
          ablation, base, plan, records: records, searches: searches, teacher: teacher, origin: origin(plan))
        if communicator.isController { try report.write(to: folder) }
        return report
      })
  }

  /// The records that all methods are scored on. - Throws: `UserError` where there are none.
  func scoredRecords() throws -> ScoredRecords {
    guard ablation.folds.isEmpty || base.teacher.store.isEmpty else {
      throw UserError(
        .usage, "ablation.folds and teacher.store are both given, but each fold has a teacher that has not seen it",
        remedy: "leave teacher.store out; each fold's store is written to run.folder")
    }
    guard base.evaluation.enabled, let corpus = try base(of: ablation.folds.first).material().evaluated else {
      throw UserError(
        .usage, "an ablation scores recordings, and this configuration evaluates none",
        remedy: "set evaluation.enabled to true and data.kind to one with labels")
    }
    return try ScoredRecords(corpus, folds: ablation.folds)
  }

  /// Of the results: the program, and the configuration that all runs vary, wherever its folder lies.
  private func origin(_ plan: AblationPlan) throws -> AblationReport.Origin {
    let resolved = try ConfigurationLoader().merge(
      file: file, assignments: assignments.filter { !$0.hasPrefix(AblationConfiguration.section + ".") },
      leavingOut: AblationConfiguration.section)
    let values = try resolved.listing().filter { $0.key != "run.folder" }.map { ($0.key, $0.value) }
    return AblationReport.Origin(
      program: environment.program, commit: environment.commit.hash,
      programs: Set(plan.runs.compactMap { RunEnvironment.maker(of: $0.folder) }).sorted(),
      configuration: Dictionary(values, uniquingKeysWith: { first, _ in first }))
  }

  /// Collective: refuses a rank that was told another ablation than rank 0.
  private func compareRanks() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let own = String(decoding: try communicator.agree { try encoder.encode(ablation) }, as: UTF8.self)
    let first = try communicator.broadcast(own)
    try communicator.agree {
      guard own == first else {
        throw UserError(
          .usage, "this rank is told another ablation than rank 0",
          remedy: "give every rank the same arguments and every host the same configuration file")
      }
    }
  }

  /// The configuration that is varied, of a fold in a folder of its own.
  private func base(of fold: Int?) -> RunConfiguration {
    guard let fold else { return base }
    var settings = base
    settings.evaluation.fold = fold
    settings.evaluation.trainFolds = ablation.folds.filter { $0 != fold }
    settings.run.folder = folder.appendingPathComponent("fold-\(fold)").path
    return settings
  }

  /// What the runs of each fold share, before there is a teacher; of one where all are scored on the same.
  func commons(_ questions: QuestionSet) -> [AblationPlan.Common] {
    (ablation.folds.isEmpty ? [nil] : ablation.folds.map(Optional.some)).map { common(questions, $0) }
  }

  private func common(_ questions: QuestionSet, _ fold: Int?) -> AblationPlan.Common {
    let base = base(of: fold)
    let given = base.teacher.store
    return AblationPlan.Common(
      file: file, assignments: assignments, base: base, questions: questions, fold: fold, teacher: nil,
      store: given.isEmpty
        ? URL(fileURLWithPath: base.run.folder).appendingPathComponent("teacher-store") : URL(fileURLWithPath: given))
  }

  /// Every run that is to be done, fold by fold, before the first, so that mistakes are found before hours are spent; rank 0
  /// writes them down and tells of methods that are left out.
  private func schedule(_ commons: [AblationPlan.Common]) throws -> [[AblationPlan.Run]] {
    let searches = try commons.map { common in
      try ablation.grids.flatMap { try AblationPlan(grid: $0, of: ablation, common).runs }
    }
    let plans = try commons.map { try AblationPlan(ablation, $0, found: []) }
    if communicator.isController {
      for text in Set(plans.flatMap(\.skipped).map { "\($0.method) is left out: \($0.reason)" }).sorted() {
        observers.main.warn(text)
      }
      try AblationSchedule(
        folder, runs: plans.flatMap(\.runs).map(\.folder), grids: searches.joined().map(\.folder)
      ).write()
    }
    return zip(plans, searches).map { $0.runs + $1 }
  }

  /// Collective: makes the teacher and its store where the runs need them and they are not there.
  /// - Returns: the signal that stopped it.
  private func teach(_ common: inout AblationPlan.Common, _ runs: [AblationPlan.Run]) throws -> Int? {
    let base = common.base
    let learners = runs.map(\.resolved.configuration).filter(\.objective.needsTeacher)
    if learners.contains(where: \.teacher.store.isEmpty) {
      let context = RunContext(
        communicator: communicator, configuration: base, stop: stop, observer: observers.main)
      switch try BuiltInTeacher(context: context, corpus: try communicator.agree { try base.material() }).model() {
      case .ready(let model): common.teacher = model.folder
      case .stopped(let signal, _): return signal
      }
    }
    guard learners.contains(where: { !$0.teacher.store.isEmpty }) else {
      common.store = nil
      return nil
    }
    // A finished one may be another program's, whose teacher is not at hand; each run holds it against its own settings.
    if let store = common.store, TeacherStore.isFinished(store) { return nil }
    var settings = base
    settings.teacher.store = common.store?.path ?? ""
    let context = RunContext(
      communicator: communicator, configuration: settings, stop: stop, observer: observers.main)
    switch try TeacherStoreRun(context: context, progress: observers.store).run() {
    case .finished: return nil
    case .stopped(let signal): return signal
    }
  }

  /// Collective: does the runs that are not done. - Returns: the signal that stopped it.
  private func perform(_ plan: AblationPlan, _ name: String) throws -> Int? {
    // Rank 0's view of the folders, which others may see later.
    let found = try communicator.agree {
      communicator.isController ? try plan.runs.map { try isFinished($0) ? UInt8(1) : 0 } : [UInt8]()
    }
    let open = zip(plan.runs, try communicator.broadcast(found)).filter { $0.1 == 0 }.map(\.0)
    if communicator.isController, !open.isEmpty {
      observers.main.note("\(name): \(open.count) of \(plan.runs.count) runs to be done")
    }
    let done = plan.runs.count - open.count
    if ablation.together || communicator.size == 1 {
      for run in open {
        if let signal = try perform(run, communicator) { return signal }
        if communicator.isController { try tell(run, done: done, open, of: plan) }
      }
      return nil
    }
    let queue = RunQueue(folder.appendingPathComponent(".claims"))
    try communicator.agree { if communicator.isController { try queue.open() } }
    for (number, run) in open.enumerated() where !stop.isRaised && !queue.isClosed {
      guard try queue.take(number), try alone(run) == nil else { continue }
      try tell(run, done: done, open, of: plan)
    }
    if stop.isRaised { try queue.close() }
    // Others may be at their last run for long; whoever waits for them is not late.
    var seen = 0
    while seen < open.count, !stop.isRaised, !queue.isClosed {
      if AblationAnswers.exist(in: open[seen].folder) { seen += 1; continue }
      communicator.status.begin(.finishing)
      Thread.sleep(forTimeInterval: 0.25)
    }
    let isDone = try communicator.minimum(open.allSatisfy { AblationAnswers.exist(in: $0.folder) } ? 1 : 0) == 1
    let signal = try stop.agreed(among: communicator)
    return isDone ? nil : signal
  }

  /// A whole run on this rank by itself. - Returns: the signal that stopped it.
  private func alone(_ run: AblationPlan.Run) throws -> Int? {
    do { return try perform(run, SingleRank(status: communicator.status)) } catch let agreed as AgreedError {
      // Agreed upon with nobody else.
      throw UserError(agreed.error.kind, "\(run.name): \(agreed.error.message)", remedy: agreed.error.remedy)
    }
  }

  /// Collective over `communicator`: trains and evaluates, and keeps the answers, or why there are none.
  /// - Returns: the signal that stopped it.
  private func perform(_ run: AblationPlan.Run, _ communicator: any Communicator) throws -> Int? {
    let start = Stopwatch.now
    let observer = observers.run(run.folder)
    let context = RunContext(
      communicator: communicator, configuration: run.resolved.configuration, stop: stop, observer: observer)
    let answers: AblationAnswers
    var report: LabelReport?
    do {
      if case .stopped(let signal, _) = try DistillationRun(
        context: context, resolved: run.resolved, environment: environment
      ).run(resume: .auto) {
        return signal
      }
      let (task, found) = try evaluate(run, communicator)
      report = try communicator.agree { try task.report(found) }
      answers = AblationAnswers(subset: task.subset, seconds: Stopwatch.now - start, found)
    } catch let agreed as AgreedError where agreed.error.kind == .stopped {
      return stop.signal
    } catch let agreed as AgreedError where agreed.error.kind == .badInput {
      // Numbers that run over end one run; the others have their own.
      observer.warn("this run came to nothing: \(agreed.error.message)")
      answers = AblationAnswers(subset: "", seconds: Stopwatch.now - start, failure: agreed.error.message)
    }
    try communicator.agree {
      guard communicator.isController else { return }
      if let report {
        try RunSummary(folder: run.folder.path, subset: report.subset, after: report).write(to: run.folder)
      }
      try answers.write(to: run.folder)
    }
    return nil
  }

  /// Collective over `communicator`: what the exported student says of the evaluated records.
  private func evaluate(
    _ run: AblationPlan.Run, _ communicator: any Communicator
  ) throws -> (LabelMetrics, [LabelAnswer]) {
    let (corpus, blueprint, model) = try communicator.agree {
      var configuration = run.resolved.configuration
      configuration.evaluation.enabled = true
      let blueprint = try ModelBlueprint(
        folder: run.folder.appendingPathComponent("student"), view: configuration.data.shownView,
        chatTemplate: configuration.studentTemplate)
      return (try TrainingCorpus(configuration), blueprint, try blueprint.frozen())
    }
    let evaluator = LabelEvaluator(
      model: model, side: try blueprint.side, space: .trained(corpus.questions),
      answerTokens: run.resolved.configuration.evaluation.answerTokens, refusesNoNumbers: true)
    return (
      corpus.metrics(try base.bootstrap()),
      try evaluator.answers(corpus.evaluation, records: corpus.records, communicator: communicator, stop: stop)
    )
  }

  /// Keys that change no student.
  private static let withoutEffect = [
    "run.folder", "run.wall_clock", "run.margin", "run.grace", "data.ahead", "checkpoint.keep", "checkpoint.memory",
    "teacher.cache", "train.step_limit",
    "train.check_every", "train.shared_memory", "train.recompute", "evaluation.replicates",
  ]

  /// Whether an earlier start has done a run. - Throws: `UserError` where it was done with other settings.
  func isFinished(_ run: AblationPlan.Run) throws -> Bool {
    guard AblationAnswers.exist(in: run.folder) else { return false }
    let file = run.folder.appendingPathComponent("config.yaml")
    // Keys that are newer than the run have their defaults there.
    let saved = try ConfigurationLoader().merge(file: file)
    let different = zip(try saved.listing(), try run.resolved.listing()).filter { pair in
      pair.0.value != pair.1.value && !Self.withoutEffect.contains { pair.0.key.hasPrefix($0) }
    }
    guard !different.isEmpty else { return true }
    throw UserError(
      .usage,
      "\(run.folder.path) was done with other settings than \(self.file.path) has now: "
        + different.map { "\($0.key): \($0.value) then, \($1.value) now" }.joined(separator: ", "),
      remedy: "remove that folder to have the run done again, or name another run.folder for another ablation")
  }

  private func tell(
    _ run: AblationPlan.Run, done: Int, _ open: [AblationPlan.Run], of plan: AblationPlan
  ) throws {
    let answers = try AblationAnswers(in: run.folder)
    let score =
      answers.failure == nil
      ? "macro AUC \(AblationReport.number(try answers.macroAUC(plan.questions)))" : "came to nothing"
    let count = done + open.count { AblationAnswers.exist(in: $0.folder) }
    observers.main.note(
      "[\(count) of \(plan.runs.count)] \(run.name): \(score), " + String(format: "%.0f s", answers.seconds))
  }

  func makeFolder(_ folder: URL) throws {
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw UserError(
        .inputOutput, "\(folder.path) cannot be made: \(error.localizedDescription)",
        remedy: "choose another with --set run.folder=PATH")
    }
  }
}
