import Autograd
import Cluster
import Corpus
import Distillation
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// The main job from configuration to student: teacher where one has to be made, evaluation before, training,
/// evaluation after. All ranks run it together.
public final class DistillationRun {
  let context: RunContext
  let resolved: ResolvedConfiguration
  let environment: RunEnvironment
  let folder: URL
  /// On rank 0, of the run folder.
  private var lock: FolderLock?
  var configuration: RunConfiguration { resolved.configuration }
  var communicator: any Communicator { context.communicator }

  public init(context: RunContext, resolved: ResolvedConfiguration, environment: RunEnvironment) {
    self.environment = environment
    self.context = context
    self.resolved = resolved
    folder = URL(fileURLWithPath: resolved.configuration.run.folder)
  }

  /// What the run ends with.
  public enum Outcome {
    case finished(RunSummary)
    /// Stopped by this signal, with the state saved in that folder.
    case stopped(signal: Int, folder: URL)
  }

  /// Collective: does the whole run.
  ///
  /// - Parameters:
  ///   - resume: what to do with an earlier start's checkpoints.
  ///   - dump: writes that student step, counted from 1, as a loss case.
  public func run(resume: Resume, dump: (step: Int, file: URL)? = nil) throws -> Outcome {
    defer { lock?.release() }
    try communicator.agree { try ThreadCounts.state(configuration.train.threads) }
    let corpus = try communicator.agree { try configuration.material() }
    let start = try communicator.agree { try RunStart(configuration, corpus: corpus) }
    let (student, store) = (start.student, start.store)
    let frozen = try communicator.agree { communicator.isController ? try start.frozenWeights() : [:] }
    try communicator.agree {
      guard communicator.isController else { return }
      try start.check(resume, dump: dump, ranks: communicator.size) { frozen }
    }
    try prepareFolder()
    announce(corpus, start)
    var teacher: TeacherModel?
    if start.teacher != nil {
      switch try BuiltInTeacher(context: context, corpus: corpus).model() {
      case .ready(let model): teacher = model
      case .stopped(let signal, let folder): return .stopped(signal: signal, folder: folder)
      }
    }
    let trainee = try Trainee(
      student, objective: configuration.objective, teacher: start.teacherShape,
      adaptation: configuration.train.adaptation, seed: configuration.run.seed,
      precision: configuration.train.arithmetic, communicator: communicator, sharing: configuration.train.sharing)
    let trainer = try Trainer(
      context: context, plan: start.plan, trainee: trainee, teacher: teacher?.model, store: store,
      source: try communicator.agree {
        try corpus.source(
          configuration, student: student, teacher: teacher?.blueprint, store: store?.store, asksEveryQuestion: false)
      },
      data: try communicator.agree {
        try corpus.identity(student: student, teacher: try store?.identity() ?? teacher?.identity ?? "none")
          .merging(frozen) { $1 }
      })
    trainer.guardian = lock
    if let dump { trainer.dumpCase(ofStep: dump.step, to: dump.file) }
    let evaluator = corpus.evaluated.map { RunEvaluator(context: context, corpus: $0, folder: folder) }
    let teacherReport = try teacher.flatMap {
      try evaluator?.report(
        .teacher, $0.model, $0.blueprint.side, cache: configuration.teacher.path.isEmpty ? $0.folder : folder)
    }
    let before = try evaluator?.report(.before, trainee.model, student.side, cache: folder)
    trainer.evaluation = try evaluator?.periodic(trainee.model, student.side)
    if let signal = try trainer.run(resume: resume) { return .stopped(signal: signal, folder: folder) }
    try exportStudent(trainee)
    let after = try evaluator?.report(.after, trainee.model, student.side, cache: nil)
    let summary = RunSummary(
      folder: folder.path, subset: corpus.evaluationSubset, teacher: teacherReport, before: before,
      after: after)
    try communicator.agree { if communicator.isController { try summary.write(to: folder) } }
    let memory = try communicator.memoryUse()
    if communicator.isController {
      context.observer.note(
        String(
          format: "memory: at most %.2f GB in a rank with what it shares; now %.2f GB on a node",
          Double(memory.largestRank) / 1e9, Double(memory.node) / 1e9))
    }
    return .finished(summary)
  }

  /// Says what is learned from, and what should be known of it.
  private func announce(_ corpus: any TrainingMaterial, _ start: RunStart) {
    guard communicator.isController else { return }
    context.observer.note(corpus.description)
    if let adaptation = configuration.train.adaptation,
      let trained = try? adaptation.layout(of: start.student.configuration.layout)
    {
      let count = trained.entries.reduce(0) { $0 + $1.range.count }
      context.observer.note(
        "adapters of rank \(adaptation.rank): \(count) numbers are trained, the student's other weights are frozen")
    }
    corpus.remarks.forEach(context.observer.note)
    if let remark = try? start.student.remark(inConversations: configuration.data.isConversations) {
      context.observer.note("student: \(remark)")
    }
    if let store = start.store { context.observer.note(store.description) }
    warnOfPrivateWeights(start)
    if configuration.train.arithmetic == .bf16, !Precision.isFastInBF16 {
      context.observer.warn(
        "this processor does not multiply bfloat16 (AVX512_BF16): operands are rounded to it and multiplied in single "
          + "precision, as accurate as bf16 and no faster than f32")
    }
  }

  /// Says where every rank keeps large weights of the teacher of its own, because of the form they are stored in.
  private func warnOfPrivateWeights(_ start: RunStart) {
    guard let path = start.teacher?.folder, let folder = try? ModelFolder(path),
      let memory = try? folder.frozenMemory(precision: configuration.train.arithmetic, part: folder.layout),
      memory.own > 1_000_000_000
    else { return }
    context.observer.warn(
      String(format: "each rank keeps %.1f GB of the teacher's weights of its own, ", Double(memory.own) / 1e9)
        + "for they are stored as F64, or at odd addresses of their files; "
        + "`evl-dist export \(path.path) DIR --type bfloat16` writes a folder whose weights all ranks of a node share")
  }

  /// The student's shape. - Throws: `UserError` for a folder that is not of the Idefics3 family.
  static func studentBlueprint(_ configuration: RunConfiguration) throws -> ModelBlueprint {
    let path = configuration.student.path
    if !path.isEmpty { _ = try ModelFolder(URL(fileURLWithPath: path)).idefics3Configuration() }
    let shape = configuration.student.shape
    if !shape.isEmpty {
      return try ModelBlueprint(shape: URL(fileURLWithPath: shape), view: configuration.data.shownView)
    }
    return try blueprint(path, .student, configuration)
  }

  /// The teacher's shape before it is trained or loaded.
  static func teacherBlueprint(_ configuration: RunConfiguration) throws -> ModelBlueprint {
    try blueprint(configuration.teacher.path, .teacher, configuration)
  }

  private static func blueprint(
    _ path: String, _ role: BuiltInRole, _ configuration: RunConfiguration
  ) throws -> ModelBlueprint {
    let view = configuration.data.shownView
    if path.isEmpty { return try ModelBlueprint(builtIn: role, view: view) }
    return try ModelBlueprint(
      folder: URL(fileURLWithPath: path), view: view,
      chatTemplate: role == .student ? configuration.studentTemplate : configuration.teacherTemplate)
  }

  /// Collective: makes the run folder and writes the resolved configuration and the environment.
  private func prepareFolder() throws {
    try communicator.agree {
      guard communicator.isController else { return }
      do {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        lock = try FolderLock.take(folder, waiting: context.observer.note)
        try Data(try resolved.yaml().utf8).write(to: folder.appendingPathComponent("config.yaml"), options: .atomic)
        try environment.write(to: folder)
      } catch let error as UserError { throw error } catch {
        throw UserError(
          .inputOutput, "the run folder \(folder.path) cannot be written: \(error.localizedDescription)",
          remedy: "choose another with --set run.folder=PATH")
      }
    }
  }

  /// Collective: rank 0 writes the trained student as a Hugging Face folder, complete or not at all.
  private func exportStudent(_ trainee: Trainee) throws {
    try communicator.agree {
      guard communicator.isController else { return }
      try ExportedModel.replace(folder.appendingPathComponent("student")) {
        try trainee.blueprint.save(trainee.model, to: $0, inConversations: configuration.data.isConversations)
      }
    }
  }
}

/// Writes a model folder beside its place and swaps it in, so that a reader never sees half of one.
enum ExportedModel {
  static func replace(_ folder: URL, write: (URL) throws -> Void) throws {
    let manager = FileManager.default
    let parent = folder.deletingLastPathComponent()
    let temporary = parent.appendingPathComponent(".writing-\(folder.lastPathComponent)")
    let earlier = parent.appendingPathComponent(".earlier-\(folder.lastPathComponent)")
    do {
      for left in [temporary, earlier] where manager.fileExists(atPath: left.path) { try manager.removeItem(at: left) }
      try manager.createDirectory(at: temporary, withIntermediateDirectories: true)
      try write(temporary)
      for name in try manager.contentsOfDirectory(atPath: temporary.path) {
        try DurableFile.sync(temporary.appendingPathComponent(name))
      }
      try DurableFile.sync(temporary)
      let isNew = !manager.fileExists(atPath: folder.path)
      if !isNew { try manager.moveItem(at: folder, to: earlier) }
      try manager.moveItem(at: temporary, to: folder)
      try DurableFile.sync(parent)
      if !isNew { try manager.removeItem(at: earlier) }
    } catch let error as UserError { throw error } catch {
      throw UserError(
        .inputOutput, "\(folder.path) cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions")
    }
  }
}
