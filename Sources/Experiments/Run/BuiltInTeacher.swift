import Autograd
import Cluster
import Corpus
import Distillation
import Foundation
import Models
import Tensors
import Training

/// A teacher ready to be learned from.
public struct TeacherModel {
  public let model: any VisionLanguageModel<Float>
  public let blueprint: ModelBlueprint
  /// Folder of its files.
  public let folder: URL
  /// What tells this teacher from any other, for the digest of the training data.
  public let identity: String

  /// The teacher of a model folder. - Throws: `UserError` for a folder without a model that fits the run.
  /// - Parameters:
  ///   - configuration: of the run.
  ///   - material: what it is shown.
  init(folder: URL, configuration: RunConfiguration, material: any TrainingMaterial) throws {
    self.folder = folder
    blueprint = try ModelBlueprint(
      folder: folder, view: configuration.data.shownView, chatTemplate: configuration.teacherTemplate)
    model = try blueprint.frozen(precision: configuration.train.arithmetic)
    let weights = model.arena.digest()
    // Another image processor or template makes another teacher of the same weights.
    identity = try material.settings(of: blueprint).map { Digest.sha256(Data("\(weights)\n\($0)".utf8)) } ?? weights
  }
}

/// Provides the teacher: the folder that was named, or the built-in one, trained first by cross-entropy on all answers.
///
/// A trained built-in teacher is kept in a folder named by the fingerprint of what it was trained on and how, and found
/// there by later runs; its training is checkpointed and continues after a stop like any other.
struct BuiltInTeacher {
  enum Outcome {
    case ready(TeacherModel)
    /// Stopped by this signal, with the state saved in that folder.
    case stopped(signal: Int, folder: URL)
  }

  let context: RunContext
  let corpus: any TrainingMaterial
  private var configuration: RunConfiguration { context.configuration }

  /// Collective.
  func model() throws -> Outcome {
    if !configuration.teacher.path.isEmpty { return .ready(try load(URL(fileURLWithPath: configuration.teacher.path))) }
    let (blueprint, home, finished) = try place()
    if try !exists(finished), let signal = try make(blueprint, home: home, into: finished) {
      return .stopped(signal: signal, folder: home)
    }
    return .ready(try load(finished))
  }

  /// Collective: the teacher that is there, named or trained before; nil where it would have to be trained.
  func found() throws -> TeacherModel? {
    if !configuration.teacher.path.isEmpty { return try load(URL(fileURLWithPath: configuration.teacher.path)) }
    let finished = try place().finished
    return try exists(finished) ? try load(finished) : nil
  }

  /// Collective: the built-in teacher's shape, its folder, and within that the folder of the trained model.
  private func place() throws -> (blueprint: ModelBlueprint, home: URL, finished: URL) {
    let blueprint = try context.communicator.agree {
      try ModelBlueprint(builtIn: .teacher, view: configuration.data.shownView)
    }
    // Ranks with other kernels have another, and one teacher is trained.
    let fingerprint = try context.communicator.broadcast(
      try context.communicator.agree { try self.fingerprint(blueprint) })
    let home = URL(fileURLWithPath: configuration.teacher.cache)
      .appendingPathComponent("teacher-" + fingerprint.prefix(16))
    return (blueprint, home, home.appendingPathComponent("model"))
  }

  /// Collective: trains it, or waits while another job does. - Returns: the signal that stopped that.
  private func make(_ blueprint: ModelBlueprint, home: URL, into finished: URL) throws -> Int? {
    let communicator = context.communicator
    var isTold = false
    while true {
      var (lock, holder): (FolderLock?, String?)
      try communicator.agree {
        guard communicator.isController else { return }
        try makeFolder(home)
        switch try FolderLock.attempt(home, waiting: { if !isTold { context.observer.note($0) } }) {
        case .taken(let taken): lock = taken
        case .held(let other): holder = other
        }
      }
      defer { lock?.release() }
      let isHeld = try communicator.broadcast(holder == nil ? 0 : 1) == 1
      if !isHeld { return try exists(finished) ? nil : train(blueprint, home: home, into: finished, lock: lock) }
      if let holder, !isTold {
        context.observer.note("waiting for the teacher in \(home.path), which \(holder) trains")
        isTold = true
      }
      communicator.status.begin(.starting)
      let signal = try context.stop.agreed(among: communicator)
      guard signal == 0 else {
        throw AgreedError(
          UserError(
            .stopped, "stopped by \(StopFlag.name(of: signal)) while another job trains the teacher in \(home.path)",
            remedy: "run the same command again to go on"))
      }
      Thread.sleep(forTimeInterval: 1)
    }
  }

  private func makeFolder(_ folder: URL) throws {
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw UserError(
        .inputOutput, "\(folder.path) cannot be made: \(error.localizedDescription)",
        remedy: "choose another place for teachers with --set teacher.cache=PATH")
    }
  }

  private func exists(_ folder: URL) throws -> Bool {
    let present = FileManager.default.fileExists(atPath: folder.appendingPathComponent("model.safetensors").path)
    return try context.communicator.broadcast(present ? 1 : 0) == 1
  }

  private func load(_ folder: URL) throws -> TeacherModel {
    try context.communicator.agree {
      let teacher = try TeacherModel(folder: folder, configuration: configuration, material: corpus)
      if context.communicator.isController,
        let remark = try teacher.blueprint.remark(inConversations: configuration.data.isConversations)
      {
        context.observer.note("teacher: \(remark)")
      }
      return teacher
    }
  }

  /// The settings of its training: the run's, with every answer used, cross-entropy alone, and a rate that falls.
  private var training: RunConfiguration {
    var settings = configuration
    settings.objective = ObjectiveConfiguration()
    settings.objective.method = ObjectiveConfiguration.Method.ce.rawValue
    settings.objective.norms.every = 0
    settings.train.labelled = 1
    settings.train.lora.rank = 0
    settings.train.steps = configuration.teacher.steps
    settings.train.learningRate = configuration.teacher.learningRate
    settings.train.schedule = LearningRateSchedule.Form.cosine.rawValue
    return settings
  }

  /// SHA-256 of everything that its bits depend on.
  func fingerprint(_ blueprint: ModelBlueprint) throws -> String {
    let state = try RunState(
      step: 0, configuration: training, layout: blueprint.configuration.layout, data: try identity(blueprint),
      groups: [])
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(state), as: UTF8.self)
    return Digest.sha256(Data((text + " \(blueprint.configuration)").utf8))
  }

  private func identity(_ blueprint: ModelBlueprint) throws -> [String: String] {
    try corpus.identity(student: blueprint, teacher: "none")
      .merging(["teacher.every_question": "\(configuration.teacher.everyQuestion)"]) { $1 }
  }

  /// Collective: trains to the end and writes the folder, or stops.
  /// - Parameter lock: on rank 0, of `home`.
  private func train(_ blueprint: ModelBlueprint, home: URL, into finished: URL, lock: FolderLock?) throws -> Int? {
    let settings = training
    let context = RunContext(
      communicator: context.communicator, configuration: settings, stop: context.stop, observer: context.observer)
    let trainee = try Trainee(
      blueprint, objective: settings.objective, teacher: nil, seed: settings.run.seed,
      precision: settings.train.arithmetic, communicator: context.communicator, sharing: settings.train.sharing)
    let plan = PhasePlan(
      name: "teacher", configuration: settings, checkpoints: home.appendingPathComponent("checkpoints"))
    let trainer = try Trainer(
      context: context, plan: plan, trainee: trainee, teacher: nil,
      source: try context.communicator.agree {
        try corpus.source(
          settings, student: blueprint, teacher: nil, store: nil, asksEveryQuestion: settings.teacher.everyQuestion)
      }, data: try identity(blueprint))
    trainer.guardian = lock
    if let signal = try trainer.run(resume: .auto) { return signal }
    try context.communicator.agree {
      guard context.communicator.isController else { return }
      try ExportedModel.replace(finished) { try blueprint.save(trainee.model, to: $0) }
      context.observer.note("teacher: kept in \(finished.path)")
    }
    return nil
  }
}
