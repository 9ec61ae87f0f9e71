import Autograd
import Cluster
import Distillation
import Foundation
import Models
import Tensors

extension Trainer {
  /// Elements of one optimizer file: 256 MB of each moment.
  private static let pieceElements = 64 << 20

  /// The state of this moment.
  func state() throws -> RunState {
    let settings = context.configuration.train
    var shapes = Digest()
    for entry in trainee.arena.layout.entries { shapes.update(Data("\(entry.name) \(entry.shape)\n".utf8)) }
    return RunState(
      step: step, seed: context.configuration.run.seed, globalBatch: settings.globalBatch, shards: settings.shards,
      precision: settings.precision, model: shapes.finish(), data: dataDigest,
      objective: "\(plan.schedule) \(plan.objective)", threads: settings.threads,
      coreType: ProductLibrary.coreType, productLibrary: ProductLibrary.version,
      ranks: context.communicator.size, metrics: lastLosses)
  }

  /// Collective: rank 0 writes a checkpoint of the current step; a failure is thrown on every rank.
  func save() throws {
    try optimizer.gatherMoments()
    let state = try state()
    try context.communicator.agree {
      guard context.communicator.isController else { return }
      let writer = CheckpointWriter(checkpoints: plan.checkpoints, keep: context.configuration.checkpoint.keep)
      context.observer.saved(try writer.write(state, contents: writeContents))
    }
  }

  /// The student's folder, the objective's weights and the optimizer's moments.
  private func writeContents(to folder: URL) throws {
    try trainee.blueprint.save(trainee.model, to: folder)
    if !objectiveParameters.isEmpty {
      var writer = SafetensorsWriter()
      for parameter in objectiveParameters { writer.add(parameter.name, parameter.value) }
      try writer.write(to: folder.appendingPathComponent(Self.objectiveName))
    }
    for (index, range) in pieces.enumerated() {
      var writer = SafetensorsWriter(metadata: ["first": "\(range.lowerBound)", "end": "\(range.upperBound)"])
      writer.add("moment1", optimizer.moment1.range(range))
      writer.add("moment2", optimizer.moment2.range(range))
      try writer.write(to: folder.appendingPathComponent(pieceName(index)))
    }
  }

  private static var objectiveName: String { "objective.safetensors" }

  private var objectiveParameters: [Parameter<Float>] {
    trainee.arena.parameters.filter { $0.name.hasPrefix(Trainee.objectivePrefix) }
  }

  private var pieces: [Range<Int>] {
    let count = trainee.arena.layout.count
    return stride(from: 0, to: count, by: Self.pieceElements).map { $0..<min(count, $0 + Self.pieceElements) }
  }

  private func pieceName(_ index: Int) -> String { "optimizer-\(String(format: "%05d", index)).safetensors" }

  /// Collective: continues from a checkpoint, or stays at step 0 where there is none to continue from.
  func restore(_ resume: Resume) throws {
    let found: (step: Int, folder: String) = try context.communicator.agree {
      guard context.communicator.isController, let checkpoint = try choose(resume) else { return (0, "") }
      try check(checkpoint)
      try load(checkpoint)
      return (checkpoint.step, checkpoint.folder.path)
    }
    let step = try context.communicator.broadcast(found.step)
    try context.communicator.broadcast(memory: trainee.weights)
    guard step > 0 else { return }
    try context.communicator.broadcast(memory: optimizer.moment1)
    try context.communicator.broadcast(memory: optimizer.moment2)
    setStep(step)
    if context.communicator.isController {
      context.observer.note("\(plan.name): continuing from step \(step) (\(found.folder))")
    }
  }

  private func choose(_ resume: Resume) throws -> Checkpoint? {
    switch resume {
    case .never: return nil
    case .from(let folder):
      guard let checkpoint = Checkpoint(folder: folder) else {
        throw UserError(
          .usage, "\(folder.path) is not a checkpoint folder", remedy: "name a folder like checkpoints/step-00000100")
      }
      try checkpoint.verify()
      return checkpoint
    case .auto:
      let (newest, skipped) = Checkpoint.newestSound(in: plan.checkpoints)
      skipped.forEach { context.observer.warn("skipped: \($0)") }
      if newest == nil, !skipped.isEmpty {
        throw UserError(
          .badInput, "no checkpoint in \(plan.checkpoints.path) is sound; nothing was changed",
          remedy: "restore one from a copy, or start in another run.folder")
      }
      return newest
    }
  }

  private func check(_ checkpoint: Checkpoint) throws {
    let saved = try checkpoint.state()
    let current = try state()
    let refusals = current.refusals(against: saved)
    guard refusals.isEmpty else {
      throw UserError(
        .usage, "\(checkpoint.folder.path) belongs to another run:\n  " + refusals.joined(separator: "\n  "),
        remedy: "use the settings of that run, or another run.folder")
    }
    current.warnings(against: saved).forEach(context.observer.warn)
  }

  private func load(_ checkpoint: Checkpoint) throws {
    try ModelFolder(checkpoint.folder).load(into: trainee.arena)
    if !objectiveParameters.isEmpty {
      let file = try SafetensorsFile(contentsOf: checkpoint.folder.appendingPathComponent(Self.objectiveName))
      for parameter in objectiveParameters { try file.read(parameter.name, into: parameter.value) }
    }
    for (index, range) in pieces.enumerated() {
      let file = try SafetensorsFile(contentsOf: checkpoint.folder.appendingPathComponent(pieceName(index)))
      try file.read("moment1", into: optimizer.moment1.range(range))
      try file.read("moment2", into: optimizer.moment2.range(range))
    }
  }
}
