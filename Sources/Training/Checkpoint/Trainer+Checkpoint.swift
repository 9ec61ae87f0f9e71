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
    try RunState(
      step: step, configuration: context.configuration, layout: trainee.arena.layout, data: data,
      groups: trainee.memory.node.groups.sizes, metrics: lastLosses, weighting: gradNorm?.state)
  }

  /// Collective: rank 0 writes a checkpoint of the current step; a failure is thrown on every rank.
  func save() throws {
    let state = try state()
    try context.communicator.agree {
      guard context.communicator.isController else { return }
      let writer = CheckpointWriter(checkpoints: plan.checkpoints, keep: context.configuration.checkpoint.keep)
      context.observer.saved(try writer.write(state, contents: writeContents))
    }
  }

  /// The student's folder or what is trained beside it, the objective's weights and the optimizer's moments.
  private func writeContents(to folder: URL) throws {
    let inConversations = context.configuration.data.isConversations
    if let adaptation = trainee.adaptation {
      let base = trainee.blueprint.folder?.standardizedFileURL.path
      try AdapterFolder.save(trainee.ownParameters, adaptation, base: base, to: folder)
      // The model's folder tells another one, or none; PEFT's folders hold the template likewise.
      try trainee.blueprint.tellTemplate(in: folder, inConversations: inConversations)
    } else {
      try trainee.blueprint.save(trainee.model, to: folder, inConversations: inConversations)
    }
    if !objectiveParameters.isEmpty {
      var writer = SafetensorsWriter()
      for parameter in objectiveParameters { writer.add(parameter.name, parameter.value) }
      try writer.write(to: folder.appendingPathComponent(Self.objectiveName))
    }
    for (index, range) in pieces.enumerated() {
      var writer = SafetensorsWriter(metadata: ["first": "\(range.lowerBound)", "end": "\(range.upperBound)"])
      writer.add("moment1", trainee.memory.moment1.range(range))
      writer.add("moment2", trainee.memory.moment2.range(range))
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
    if !objectiveParameters.isEmpty {
      let file = try SafetensorsFile(contentsOf: checkpoint.folder.appendingPathComponent(Self.objectiveName))
      for parameter in objectiveParameters { try file.read(parameter.name, into: parameter.value) }
    }
    for (index, range) in pieces.enumerated() {
      let file = try SafetensorsFile(contentsOf: checkpoint.folder.appendingPathComponent(pieceName(index)))
      try file.read("moment1", into: trainee.memory.moment1.range(range))
      try file.read("moment2", into: trainee.memory.moment2.range(range))
    }
  }
}
