import Corpus
import Foundation
import Models
import Tensors
import Training

/// What can be refused is refused before anything is written and before a teacher is trained.
extension DistillationRun {
  /// Collective: objective against models, settings against an earlier start's checkpoint, the step to be dumped.
  func check(
    _ resume: Resume, dump: (step: Int, file: URL)?, corpus: any TrainingMaterial, student: ModelBlueprint,
    frozen: [String: String], store: StoredTeacher?
  ) throws {
    try communicator.agree {
      let objective = configuration.objective
      let teacher = objective.needsTeacher && store == nil ? try Self.teacherBlueprint(configuration) : nil
      if let teacher { try objective.check(student: student, teacher: teacher) }
      // Both sides are formed now, so that a folder that cannot be shown this data is refused before a teacher is trained.
      _ = try corpus.source(
        configuration, student: student, teacher: teacher, store: store?.store, asksEveryQuestion: false)
      if dump != nil, !objective.hasCases { throw objective.refusalOfCase }
      let layout = try Trainee.layout(
        student, objective: objective, teacher: store?.shape ?? teacher.map { TeacherShape($0.configuration) },
        adaptation: configuration.train.adaptation)
      guard communicator.isController else { return }
      if resume == .never { try refuseContents() }
      let found = try ResumePoint.find(resume, in: plan.checkpoints, skipped: { _ in })
      let current = try RunState(
        step: 0, configuration: configuration, layout: layout,
        data: try corpus.identity(student: student, teacher: try store?.identity()).merging(frozen) { $1 },
        ranks: communicator.size)
      try found?.check(current, steps: plan.steps)
      if let dump { try check(dump, after: found?.saved.step ?? 0) }
    }
  }

  /// What tells the frozen weights below adapters from any other, by name; nothing where all weights are trained, or
  /// drawn from the seed.
  func frozenWeights(of student: ModelBlueprint) throws -> [String: String] {
    guard let adaptation = configuration.train.adaptation, let folder = student.folder, communicator.isController else {
      return [:]
    }
    let model = try ModelFolder(folder)
    return ["the student's frozen weights": try model.digest(of: adaptation.frozen(of: model.layout))]
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
