import Autograd
import Corpus
import Distillation
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// A run as its folder shows it at one checkpoint: settings, student, the objective's own maps, the teacher it learned from.
struct TrainedRun {
  let folder: URL
  let checkpoint: Checkpoint
  let configuration: RunConfiguration
  let state: RunState
  /// Newer checkpoints that are damaged, and why.
  let skipped: [String]

  /// - Parameter url: a run folder, of which the newest checkpoint that agrees with its manifest is taken, or a checkpoint
  ///   folder within one.
  /// - Throws: `UserError` for anything else, and for a run without a sound checkpoint.
  init(_ url: URL) throws {
    let place = url.standardizedFileURL
    guard FileManager.default.fileExists(atPath: place.path) else {
      throw UserError(.inputOutput, "\(url.path) does not exist", remedy: "name a run folder or a checkpoint folder")
    }
    if let named = Checkpoint(folder: place) {
      try named.verify()
      (folder, checkpoint, skipped) = (place.deletingLastPathComponent().deletingLastPathComponent(), named, [])
    } else {
      let found = Checkpoint.newestSound(in: place.appendingPathComponent(RunFile.checkpoints))
      guard let newest = found.checkpoint else {
        throw UserError(
          .badInput, found.skipped.first ?? "\(url.path) holds no checkpoint, so it is no trained run",
          remedy: "name the folder of a run that has saved a checkpoint, or a checkpoint folder")
      }
      (folder, checkpoint, skipped) = (place, newest, found.skipped)
    }
    let settings = folder.appendingPathComponent(RunFile.configuration)
    guard FileManager.default.fileExists(atPath: settings.path) else {
      throw UserError(
        .badInput, "\(folder.path) holds no config.yaml, which says what the run was trained on",
        remedy: "keep checkpoints within the folder of their run")
    }
    configuration = try ConfigurationLoader().load(file: settings).configuration
    state = try checkpoint.state()
  }

  var name: String { folder.lastPathComponent }

  /// The student at this checkpoint, and how it sees recordings.
  func student() throws -> TokenReader {
    let blueprint = try ModelBlueprint(
      folder: checkpoint.folder, view: configuration.data.view, chatTemplate: configuration.studentTemplate)
    return try TokenReader(model: blueprint.frozen(), side: blueprint.side)
  }

  /// The student as it was before its first step: fresh weights are a function of the seed and the tensors' names.
  func untrainedStudent() throws -> TokenReader {
    let path = configuration.student.path
    let blueprint =
      path.isEmpty
      ? try ModelBlueprint(builtIn: .student, view: configuration.data.view)
      : try ModelBlueprint(
        folder: located(path), view: configuration.data.view, chatTemplate: configuration.studentTemplate)
    return try TokenReader(model: blueprint.frozen(seed: configuration.run.seed), side: blueprint.side)
  }

  /// Wp [Dvs, Dv] and bp [Dv] of the transport term; nil where the run was trained without it.
  func projection() throws -> AffineMap? {
    try maps(["objective.transport.projection", "objective.transport.bias"])
      .map { AffineMap(weight: $0[0], bias: $0[1]) }
  }

  /// Wq [Ds, heads dk] and Wk [Dt, heads dk] of the alignment; nil where the run was trained without it.
  func attention() throws -> (query: Tensor<Float>, key: Tensor<Float>)? {
    try maps(["objective.mhca.q", "objective.mhca.k"]).map { ($0[0], $0[1]) }
  }

  /// A student of this run with what joins its tokens with a teacher's.
  ///
  /// - Parameter settings: of the transport problem; nil for the run's own.
  func plans(
    of student: TokenReader, projection: AffineMap?, attention: (query: Tensor<Float>, key: Tensor<Float>)?,
    settings: TransportSettings? = nil
  ) -> PlanSource {
    PlanSource(
      reader: student, maps: projection.map { [.learned: $0] } ?? [:],
      attention: attention.map { ($0.query, $0.key, configuration.objective.mhca.heads) },
      settings: settings ?? configuration.objective.transportSettings)
  }

  /// Tensors of the objective under the names by which it declares them; nil where it has none of these.
  private func maps(_ names: [String]) throws -> [Tensor<Float>]? {
    let url = checkpoint.folder.appendingPathComponent("objective.safetensors")
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    let file = try SafetensorsFile(contentsOf: url)
    guard file.names.contains(names[0]) else { return nil }
    return try names.map { try file.tensor($0) }
  }

  /// Whether a teacher stood beside the run.
  var hasTeacher: Bool { state.data[RunState.teacherKey].map { $0 != "none" } ?? false }

  /// Whether the run learned from a teacher store, which keeps the digest of its index and no model's.
  var isTaughtByStore: Bool { state.data[RunState.teacherKey].map(StoredTeacher.isIdentity) ?? false }

  /// What tells the teacher behind the run from any other: the digest of its weights, which the index of a store keeps.
  ///
  /// - Throws: `UserError` (bad input) for a store whose index is gone or damaged, or is not that of the run's store.
  func teacherIdentity() throws -> String? {
    let known = state.data[RunState.teacherKey]
    guard isTaughtByStore else { return known }
    let named = configuration.teacher.store
    let place = located(named)
    let index: TeacherStoreIndex
    do {
      index = try TeacherStoreIndex(
        contentsOf: place.appendingPathComponent(TeacherStore.indexName), store: place)
    } catch let error as UserError {
      throw UserError(
        .badInput,
        "which teacher is behind the teacher store \(named), from which \(name) learned, is in its index: "
          + error.message, remedy: "put the store back in its place; or " + withTheTeacherItself)
    }
    guard try StoredTeacher.identity(of: index) == known else {
      throw UserError(
        .badInput, "the teacher store \(named) is not the one that \(name) learned from, whose teacher is to be found",
        remedy: "put the store back in its place; or " + withTheTeacherItself)
    }
    return index.teacher.digest
  }

  /// How to get a run whose teacher needs no store to be found.
  private var withTheTeacherItself: String {
    "train a run with the teacher itself (train --config \(folder.path)/config.yaml --set teacher.store= --set "
      + "run.folder=ANOTHER, and --set teacher.path=FOLDER unless it is the built-in one), and name that run"
  }

  /// The teacher the run learned from, told by the digest of its weights: that which every checkpoint keeps, or, where a
  /// store stood for the teacher, that in the store's index.
  ///
  /// - Parameter material: what it was shown.
  /// - Throws: `UserError` where it is gone, or another model lies in its place.
  func teacher(of material: any TrainingMaterial) throws -> TeacherModel {
    let identity = try teacherIdentity()
    func load(_ folder: URL) throws -> TeacherModel {
      try TeacherModel(folder: folder, configuration: configuration, material: material)
    }
    let folders = teacherFolders
    for folder in folders {
      // Of the cache's teachers those of another view or version are passed by; a folder the run names has to be sound.
      let mayBeAnother = folders.count > 1 || isTaughtByStore
      let loaded = mayBeAnother ? try? load(folder) : try load(folder)
      if let loaded, loaded.identity == identity { return loaded }
    }
    let path = configuration.teacher.path.isEmpty ? configuration.teacher.cache : configuration.teacher.path
    let remedy = "start the command in the folder in which the run was started, with the teacher it was trained with"
    guard !isTaughtByStore else {
      throw UserError(
        .badInput,
        "the teacher of the teacher store \(configuration.teacher.store), from which \(name) learned, is not "
          + "in \(path)",
        remedy: "\(remedy) in its place; or \(withTheTeacherItself)")
    }
    throw UserError(.badInput, "the teacher that \(name) learned from is not in \(path)", remedy: remedy)
  }

  /// Where the teacher may be: the folder that is named, or all teachers of the cache.
  private var teacherFolders: [URL] {
    guard configuration.teacher.path.isEmpty else { return [located(configuration.teacher.path)] }
    return places(configuration.teacher.cache).flatMap { cache in
      let names = (try? FileManager.default.contentsOfDirectory(atPath: cache.path)) ?? []
      return names.filter { $0.hasPrefix("teacher-") }.sorted().map {
        cache.appendingPathComponent($0).appendingPathComponent("model")
      }
    }.filter { FileManager.default.fileExists(atPath: $0.appendingPathComponent("model.safetensors").path) }
  }

  /// The first place that is there of those that a path of the configuration may mean.
  func located(_ path: String) -> URL {
    let all = places(path)
    return all.first { FileManager.default.fileExists(atPath: $0.path) } ?? all[0]
  }

  /// What a path of the configuration may mean, the likeliest first: as it stands, or from the folder in which the run
  /// was started, as the place of the run folder tells it, or `environment.json`.
  private func places(_ path: String) -> [URL] {
    let own = URL(fileURLWithPath: path)
    guard !path.hasPrefix("/") else { return [own] }
    var homes: [URL] = []
    let suffix = "/" + configuration.run.folder
    if folder.path.hasSuffix(suffix) { homes.append(URL(fileURLWithPath: String(folder.path.dropLast(suffix.count)))) }
    if let started = RunEnvironment.workingFolder(of: folder) { homes.append(started) }
    var seen: Set<String> = []
    return ([own] + homes.map { $0.appendingPathComponent(path) }).filter {
      seen.insert($0.absoluteURL.standardizedFileURL.path).inserted
    }
  }
}
