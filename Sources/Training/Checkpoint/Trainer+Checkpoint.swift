import Autograd
import Cluster
import Distillation
import Foundation
import Models
import Tensors

extension Trainer {
  /// The state of this moment.
  func state() throws -> RunState {
    try RunState(
      step: step, configuration: context.configuration, layout: trainee.arena.layout, data: data,
      groups: trainee.memory.node.groups.sizes, metrics: lastLosses, weighting: gradNorm?.state)
  }

  /// Collective: continues from a checkpoint, or stays at step 0 where there is none to continue from.
  func restore(_ resume: Resume) throws {
    let found: (step: Int, folder: String) = try context.communicator.agree {
      guard context.communicator.isController,
        let point = try ResumePoint.find(resume, in: plan.checkpoints, skipped: context.observer.warn)
      else { return (0, "") }
      let current = try state()
      try point.check(current, steps: plan.steps)
      current.warnings(against: point.saved).forEach(context.observer.warn)
      try load(point.checkpoint)
      if let saved = point.saved.weighting { gradNorm?.restore(saved) }
      return (point.checkpoint.step, point.checkpoint.folder.path)
    }
    let step = try context.communicator.broadcast(found.step)
    try trainee.memory.copyToAllGroups()
    try trainee.memory.roundWeights()
    guard step > 0 else { return }
    try shareWeighting()
    setStep(step)
    if context.communicator.isController {
      context.observer.note("\(plan.name): continuing from step \(step) (\(found.folder))")
    }
  }

  /// Collective: GradNorm's state as rank 0 has it.
  private func shareWeighting() throws {
    guard var own = gradNorm else { return }
    let data = try context.communicator.agree { try JSONEncoder().encode(own.state) }
    let text = try context.communicator.broadcast(String(decoding: data, as: UTF8.self))
    own.restore(try context.communicator.agree { try JSONDecoder().decode(GradNorm.State.self, from: Data(text.utf8)) })
    gradNorm = own
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
