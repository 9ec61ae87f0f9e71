import Cluster
import Distillation
import Foundation
import Models
import Tensors
import Training

/// Benchmarks of what ranks do together.
extension Benchmarks {
  /// What each of these passes moves: two arrays read and one written, past the cache.
  private static let arraysPerSum = 3.0

  /// How fast all ranks at once add arrays that are no rank's cache's: the bound of the fold.
  func memoryBandwidth() throws -> [Result] {
    let count = 32 << 20
    let arrays = (0..<3).map { _ in Tensor<Float>(uninitialised: [count]) }
    arrays.forEach { $0.fill(1) }
    let times = try timed { arrays[0].setStreamedSum(arrays[1], arrays[2]) }
    let bytes = Self.arraysPerSum * Double(4 * count * communicator.size)
    return [
      Result(
        "adding two arrays, all ranks", times.map { bytes / $0 / 1e6 }, unit: "GB/s",
        note: "\(communicator.size) ranks, \(4 * count >> 20) MB an array; read and written bytes")
    ]
  }

  /// The fold of gradients that lie in shared memory, one shard a rank, beside MPI's own all-reduce.
  func reduce() throws -> [Result] { try [64, 512].flatMap { try reduce(megabytes: $0) } }

  private func reduce(megabytes: Int) throws -> [Result] {
    let count = megabytes << 18
    // Memory for all buckets at once: what is timed is the fold alone.
    let layout = FoldLayout(count: count, slots: .max)
    var plan = WindowPlan()
    let parts = FoldMemory(layout, ranks: communicator.localSize, in: &plan)
    let memory = try NodeMemory(communicator, plan: plan, sharing: .auto)
    let assignment = try ShardAssignment(shards: communicator.size, ranks: communicator.size)
    let fold = try OrderedFold(memory, parts: parts, assignment: assignment)
    func step(writing value: Float?) throws {
      fold.beginStep()
      for bucket in layout.buckets.indices.reversed() {
        let gradient = try fold.open(bucket, inRound: 0)
        if let value { gradient.fill(value) }
        try fold.close(bucket, inRound: 0)
      }
      try fold.endStep()
      try memory.meet()
    }
    try step(writing: 1)
    let folding = try timed { try step(writing: nil) }
    let terms = Double(communicator.size)
    let moved = (terms + 1) * Double(4 * count)
    var results = [
      Result(
        "ordered fold, \(megabytes) MB", folding, unit: "ms",
        note: String(
          format: "%d ranks; %.1f GB/s read and written at the median", communicator.size,
          moved / folding.sorted()[folding.count / 2] / 1e6))
    ]
    guard communicator.size > 1, let team = try communicator.makeTeam(color: 0) else { return results }
    let gradient = Tensor<Float>(zeros: [count])
    let reducing = try timed { try team.sum(gradient) }
    let ratio = reducing.sorted()[reducing.count / 2] / folding.sorted()[folding.count / 2]
    results.append(
      Result(
        "MPI_Allreduce, \(megabytes) MB", reducing, unit: "ms",
        note: String(format: "%.1f times the fold by the medians", ratio)))
    return results
  }

  /// Training steps over the ranks: of the built-in student, or of a shape.
  func engine() throws -> [Result] {
    let view = RunConfiguration().data.view
    let configuration =
      try shape.map { try Idefics3Configuration(contentsOf: $0.folder.appendingPathComponent("config.json")) }
      ?? ModelBlueprint(builtIn: .student, view: view).configuration as? Idefics3Configuration
    guard let configuration else {
      throw UserError(.internalFault, "the built-in models are of the Idefics3 family")
    }
    let text = shape?.textTokens ?? 24
    let shards = shape?.shards ?? 8
    let measured = try EngineBenchmark(
      ModelBenchmark(
        configuration, samples: 1, textTokens: text, answerTokens: text, precision: shape?.precision ?? .f32,
        recomputesBlocks: shape?.recomputesBlocks ?? false), shards: shards
    ).run(communicator, repetitions: repetitions)
    func share(_ seconds: Double) -> String {
      let total = measured.compute + measured.fold + measured.wait + measured.optimizer
      return String(format: "%.2f%% of the step", 100 * seconds / total)
    }
    let setting = "\(communicator.size) ranks, \(shards) shards, \(shape?.precision.rawValue ?? "f32")"
    return [
      Result("training step", measured.steps, unit: "s", note: "\(setting), \(measured.parameters) parameters"),
      Result("samples a second", measured.steps.map { Double(shards) / $0 }, unit: "1/s"),
      Result("forward and backward", [measured.compute], unit: "s", note: share(measured.compute)),
      Result("fold", [measured.fold], unit: "s", note: share(measured.fold)),
      Result("waiting for other ranks", [measured.wait], unit: "s", note: share(measured.wait)),
      Result("norm and AdamW", [measured.optimizer], unit: "s", note: share(measured.optimizer)),
      Result(
        "weights, gradient, moments, buckets", [Double(measured.trainingBytes) / 1e6], unit: "MB",
        note: "of a node, what ranks share counted once"),
      Result(
        "everything resident", [Double(measured.nodeBytes) / 1e6], unit: "MB", note: "of a node, likewise"),
      Result(
        "activations and their gradients", [Double(measured.activationBytes) / 1e6], unit: "MB", note: "of a rank"),
    ]
  }
}
