import Autograd
import Cluster
import Distillation
import Foundation
import Models
import Tensors

extension Trainer {
  /// The state of this moment.
  func state() throws -> RunState {
    var state = try RunState(
      step: step, configuration: context.configuration, layout: trainee.arena.layout, data: data,
      groups: trainee.memory.node.groups.sizes, metrics: lastLosses, weighting: gradNorm?.state)
    state.spikes = spikes.state
    state.scores = scores
    state.configuration = try context.configuration.values(under: [""])
    return state
  }

  /// Collective: continues from a checkpoint, or stays at step 0 where there is none to continue from.
  func restore(_ resume: Resume) throws {
    let found = try adopt {
      guard let point = try ResumePoint.find(resume, in: plan.checkpoints, skipped: context.observer.warn) else {
        return nil
      }
      let current = try state()
      try point.check(current, steps: plan.steps)
      current.warnings(against: point.saved).forEach(context.observer.warn)
      current.remark(against: point.saved).map(context.observer.note)
      if case .from = resume { try setNewerAside(point.checkpoint) }
      context.observer.note(
        "\(plan.name): continuing from step \(point.checkpoint.step) (\(point.checkpoint.folder.path))")
      return point.checkpoint
    }
    guard let found else { return }
    if let weighting = found.weighting { gradNorm?.restore(weighting) }
    spikes.state = found.spikes ?? SpikeGuard.State(updates: found.step)
    scores = found.scores
    setStep(found.step)
  }

  /// What follows is another course than that of newer checkpoints of the run, from which no later start is to go on; of one
  /// of the same step, too, where this one is another run's.
  private func setNewerAside(_ checkpoint: Checkpoint) throws {
    let isOwn =
      checkpoint.folder.resolvingSymlinksInPath().deletingLastPathComponent().path
      == plan.checkpoints.resolvingSymlinksInPath().path
    for newer in Checkpoint.all(in: plan.checkpoints) where newer.step >= checkpoint.step {
      if isOwn, newer.step == checkpoint.step { continue }
      let name = try newer.setAside(as: "earlier")
      context.observer.note("\(plan.name): \(newer.folder.lastPathComponent) is of another course, and kept as \(name)")
    }
  }

  /// Collective: takes weights and moments from the checkpoint that rank 0 finds, or leaves them as they are.
  ///
  /// - Returns: what is saved beside them, the same on every rank; nil where rank 0 finds none.
  func adopt(_ find: () throws -> Checkpoint?) throws -> RunState? {
    let own = try context.communicator.agree {
      guard context.communicator.isController, let checkpoint = try find() else { return "" }
      try load(checkpoint)
      return String(decoding: try JSONEncoder().encode(checkpoint.state()), as: UTF8.self)
    }
    let state = try context.communicator.broadcast(own)
    try trainee.memory.copyToAllGroups()
    try trainee.memory.roundWeights()
    guard !state.isEmpty else { return nil }
    return try context.communicator.agree { try JSONDecoder().decode(RunState.self, from: Data(state.utf8)) }
  }

  private func load(_ checkpoint: Checkpoint) throws {
    if trainee.adaptation != nil {
      try AdapterFolder(checkpoint.folder).load(into: trainee.ownParameters)
    } else {
      try ModelFolder(checkpoint.folder).load(into: trainee.arena)
    }
    let objective = CheckpointContents.objective(of: trainee)
    if !objective.isEmpty {
      let file = try SafetensorsFile(
        contentsOf: checkpoint.folder.appendingPathComponent(CheckpointContents.objectiveName))
      for parameter in objective { try file.read(parameter.name, into: parameter.value) }
    }
    for (index, range) in CheckpointContents.pieces(of: trainee).enumerated() {
      let file = try SafetensorsFile(
        contentsOf: checkpoint.folder.appendingPathComponent(CheckpointContents.pieceName(index)))
      try file.read("moment1", into: trainee.memory.moment1.range(range))
      try file.read("moment2", into: trainee.memory.moment2.range(range))
    }
  }
}
