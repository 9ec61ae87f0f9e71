import Autograd
import Corpus
import Distillation
import Foundation
import Models
import Tensors
import Training

/// What a run starts from, read and held against each other before anything is written and before a teacher is trained.
/// What is refused here, `train` and `train --dry-run` refuse in the same words.
struct RunStart {
  let configuration: RunConfiguration
  /// Nil where the data cannot be read and a plan is made without them.
  let corpus: (any TrainingMaterial)?
  let student: ModelBlueprint
  /// Stands for the teacher; nil where one runs, or no term needs one.
  let store: StoredTeacher?
  /// The teacher that runs, before it is trained or loaded; nil where a store stands for it, or no term needs one.
  let teacher: ModelBlueprint?
  /// The samples as both sides are given them; nil without the data.
  let source: (any SampleSource)?
  /// Everything that is trained.
  let layout: ParameterLayout

  /// - Parameter corpus: nil leaves out what is compared with the data.
  /// - Throws: `UserError` for a model folder or a store that cannot be used, a method that cannot learn from the teacher,
  ///   or models that cannot be shown the data.
  init(_ configuration: RunConfiguration, corpus: (any TrainingMaterial)?) throws {
    let (objective, adaptation) = (configuration.objective, configuration.train.adaptation)
    let student = try DistillationRun.studentBlueprint(configuration)
    let store = try Self.storedTeacher(configuration, corpus: corpus, student: student)
    let teacher = objective.needsTeacher && store == nil ? try DistillationRun.teacherBlueprint(configuration) : nil
    if let teacher { try objective.check(student: student, teacher: teacher) }
    // Both sides are formed, so that a folder that cannot be shown this data is refused.
    source = try corpus?.source(
      configuration, student: student, teacher: teacher, store: store?.store, asksEveryQuestion: false)
    layout = try Trainee.layout(
      student, objective: objective, teacher: Self.shape(store, teacher), adaptation: adaptation)
    (self.configuration, self.corpus) = (configuration, corpus)
    (self.student, self.store, self.teacher) = (student, store, teacher)
  }

  /// The shape of the teacher, whether it runs or ran before; nil where no term needs one.
  var teacherShape: TeacherShape? { Self.shape(store, teacher) }

  private static func shape(_ store: StoredTeacher?, _ teacher: ModelBlueprint?) -> TeacherShape? {
    store?.shape ?? teacher.map { TeacherShape($0.configuration) }
  }

  var folder: URL { URL(fileURLWithPath: configuration.run.folder) }

  var plan: PhasePlan {
    PhasePlan(name: "student", configuration: configuration, checkpoints: folder.appendingPathComponent("checkpoints"))
  }

  /// What tells the frozen weights below adapters from any other, by name; nothing where all weights are trained, or
  /// drawn from the seed.
  /// - Complexity: reads the frozen weights.
  func frozenWeights() throws -> [String: String] {
    guard let adaptation = configuration.train.adaptation, let folder = student.folder else { return [:] }
    let model = try ModelFolder(folder)
    return ["the student's frozen weights": try model.digest(of: adaptation.frozen(of: model.layout))]
  }

  /// Holds the settings against what an earlier start left in the run folder, and the step to be dumped against both.
  ///
  /// - Parameters:
  ///   - ranks: of this start.
  ///   - frozen: `frozenWeights`, asked for where there is a checkpoint to be compared.
  func check(
    _ resume: Resume, dump: (step: Int, file: URL)?, ranks: Int, frozen: () throws -> [String: String]
  ) throws {
    if dump != nil, !configuration.objective.hasCases { throw configuration.objective.refusalOfCase }
    if resume == .never { try refuseContents() }
    let found = try ResumePoint.find(resume, in: plan.checkpoints, skipped: { _ in })
    if let found, let corpus {
      let current = try RunState(
        step: 0, configuration: configuration, layout: layout,
        data: try corpus.identity(student: student, teacher: try store?.identity()).merging(frozen()) { $1 },
        groups: [ranks])
      try found.check(current, steps: plan.steps)
    }
    if let dump { try check(dump, after: found?.saved.step ?? 0) }
  }

  private func refuseContents() throws {
    let contents = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    guard contents.isEmpty else {
      throw UserError(
        .usage, "--resume never, but \(folder.path) is not empty", remedy: "name another run.folder, or remove it")
    }
  }

  private func check(_ dump: (step: Int, file: URL), after done: Int) throws {
    guard dump.step > done, dump.step <= plan.steps else {
      throw UserError(
        .usage, "--dump-case \(dump.step): this start does steps \(done + 1) to \(plan.steps)",
        remedy: "name one of them, or use another run.folder")
    }
    let parent = dump.file.deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: parent) else {
      throw UserError(
        .inputOutput, "--dump-case: the folder \(parent) does not exist or cannot be written",
        remedy: "make it, or name another path")
    }
  }
}
