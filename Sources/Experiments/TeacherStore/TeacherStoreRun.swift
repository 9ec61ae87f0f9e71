import Cluster
import Corpus
import Foundation
import Models
import Tensors
import Training

/// Runs a teacher over the training samples of a configuration and writes its states as a teacher store.
///
/// Every sample is computed by itself, unpadded, and the parts are cut by sample count, so the bytes do not depend on the
/// ranks. Ranks take the parts that are not finished in turn. All ranks run it together.
public final class TeacherStoreRun {
  /// What the run ends with.
  public enum Outcome {
    case finished(samples: Int, bytes: Int)
    /// Stopped by this signal; the same command goes on with the next sample.
    case stopped(signal: Int)
  }

  private let context: RunContext
  private let progress: (StoreProgress) -> Void
  private var configuration: RunConfiguration { context.configuration }
  private var communicator: any Communicator { context.communicator }

  /// - Parameter progress: told on rank 0 after every round of samples.
  public init(context: RunContext, progress: @escaping (StoreProgress) -> Void) {
    self.context = context
    self.progress = progress
  }

  /// What the configuration's runs may ask a teacher, for programs of other people that write the store.
  public static func requests(_ configuration: RunConfiguration) throws -> Data {
    try configuration.material().storeSamples(configuration).requestsJSON()
  }

  /// Collective: writes the store, or goes on with it.
  public func run() throws -> Outcome {
    try communicator.agree { try ThreadCounts.state(configuration.train.threads) }
    let folder = URL(fileURLWithPath: configuration.teacher.store)
    let (corpus, samples) = try communicator.agree {
      guard !configuration.teacher.store.isEmpty else {
        throw UserError(.usage, "teacher.store is empty", remedy: "name the folder to write: --set teacher.store=PATH")
      }
      // Before a built-in teacher is trained for it.
      try TeacherStoreWriter.refuseFile(at: folder)
      let corpus = try configuration.material()
      return (corpus, try corpus.storeSamples(configuration))
    }
    let teacher: TeacherModel
    switch try BuiltInTeacher(context: context, corpus: corpus).model() {
    case .ready(let model): teacher = model
    case .stopped(let signal, _): return .stopped(signal: signal)
    }
    let inputs = try communicator.agree { try samples.inputs(for: teacher.blueprint) }
    let plan = try communicator.agree { try self.plan(teacher, samples, inputs) }
    let writer = TeacherStoreWriter(folder, plan: plan)
    let recorder = TeacherRecorder(teacher.model, precision: configuration.train.arithmetic, plan: plan)
    var lock: FolderLock?
    defer { lock?.release() }
    try communicator.agree {
      guard communicator.isController else { return }
      try writer.begin { lock = try FolderLock.take(writer.work, waiting: context.observer.note) }
      try announce(writer, teacher, inputs)
      if !writer.isFinished(TeacherStoreIndex.headName) {
        try writer.publish(recorder.head(), as: TeacherStoreIndex.headName)
      }
    }
    let work = StoreWork(samples: samples.stored, inputs: inputs, writer: writer, recorder: recorder)
    if let signal = try write(work) { return .stopped(signal: signal) }
    let bytes = try communicator.agree {
      guard communicator.isController else { return 0 }
      try lock?.check()
      try writer.finish { lock?.release() }
      return writer.bytesPresent()
    }
    return .finished(samples: samples.stored.count, bytes: bytes)
  }

  /// The index without files.
  private func plan(
    _ teacher: TeacherModel, _ samples: any StoreSamples, _ inputs: any StoreInputs
  ) throws -> TeacherStoreIndex {
    let settings = configuration.teacher
    let shape = teacher.blueprint.configuration
    if let layer = settings.layers.first(where: { $0 > shape.text.layers }) {
      throw UserError(
        .usage, "teacher.layers holds \(layer), the teacher has \(shape.text.layers)", remedy: "layers count from 1")
    }
    guard !settings.attention || !settings.layers.isEmpty else {
      throw UserError(
        .usage, "teacher.attention stores the scores of teacher.layers, which is empty",
        remedy: "name layers: --set \"teacher.layers=[1, 2]\"")
    }
    let fingerprint = samples.fingerprint.merging(inputs.fingerprint) { $1 }
      .merging(["precision": configuration.train.precision]) { $1 }
    return TeacherStoreIndex(
      teacher: TeacherStoreIndex.Teacher(
        name: settings.path.isEmpty
          ? StoreFingerprint.builtInTeacher : URL(fileURLWithPath: settings.path).lastPathComponent,
        digest: teacher.identity, layers: shape.text.layers, hiddenWidth: shape.text.hiddenSize,
        visualWidth: shape.text.hiddenSize, vocabulary: shape.text.vocabularySize,
        tokenizer: teacher.blueprint.tokenizer.fingerprint),
      fingerprint: fingerprint, elementType: settings.storeType == "bf16" ? "BF16" : "F32",
      layers: settings.layers.sorted(), attention: settings.attention, variants: settings.variants,
      samplesPerPart: settings.partSamples, samples: samples.stored.map(\.name))
  }

  /// On rank 0: says what is to come, and refuses where the disk has no room for it.
  private func announce(_ writer: TeacherStoreWriter, _ teacher: TeacherModel, _ inputs: any StoreInputs) throws {
    let image = teacher.blueprint.configuration.imageToken
    let estimate = StoreEstimate(
      writer.plan,
      lengths: try StoreEstimate.positions(of: writer.plan.samples.count).map { position in
        // Every visual token has its place among the ids, those of all tiles too.
        let ids = try inputs.ids(position)
        return StoreEstimate.Lengths(tokens: ids.count, visualTokens: ids.count { Int($0) == image })
      })
    let present = writer.bytesPresent()
    context.observer.note(
      "teacher store \(writer.folder.path): \(estimate.samples) samples in \(estimate.parts) parts, about "
        + "\(StoreEstimate.text(estimate.bytes)), headers of the files not counted; on disk so far, headers and plan "
        + "counted: \(StoreEstimate.text(present))")
    try estimate.demandRoom(
      free: try StoreEstimate.free(at: writer.folder), present: present, in: writer.folder)
  }

  /// Collective: all parts that are not finished. - Returns: the signal that stopped it.
  private func write(_ work: StoreWork) throws -> Int? {
    let (plan, writer) = (work.writer.plan, work.writer)
    let open = try unfinished(writer)
    let start = Date()
    let rounds = (open.count + communicator.size - 1) / communicator.size
    let found = plan.samples.count - open.reduce(0) { $0 + plan.samples(ofPart: $1).count }
    var (done, skipped) = (found, found)
    for round in 0..<rounds {
      let turn = round * communicator.size + communicator.rank
      let part = turn < open.count ? open[turn] : nil
      let range = part.map { plan.samples(ofPart: $0) } ?? 0..<0
      for offset in 0..<plan.samplesPerPart {
        let position = range.lowerBound + offset
        communicator.status.begin(step: round * plan.samplesPerPart + offset + 1, .teacher)
        let computed = try communicator.agree {
          position < range.upperBound ? try work.compute(position) : nil
        }
        let counts = try communicator.sum([computed == nil ? 0 : 1, computed == false ? 1 : 0])
        guard counts[0] > 0 else { break }
        (done, skipped) = (done + Int(counts[0]), skipped + Int(counts[1]))
        if communicator.isController {
          progress(
            StoreProgress(
              done: done, samples: plan.samples.count, found: skipped, parts: plan.partCount,
              partsDone: plan.partCount - open.count + min(open.count, round * communicator.size),
              seconds: Date().timeIntervalSince(start)))
        }
        let signal = try context.stop.agreed(among: communicator)
        if signal != 0 { return signal }
      }
      try communicator.agree { if let part { try writer.assemble(part: part) } }
    }
    return nil
  }

  /// Collective: the parts still to be written, in order; ranks share the reading.
  private func unfinished(_ writer: TeacherStoreWriter) throws -> [Int] {
    var finished = [Int64](repeating: 0, count: writer.plan.partCount)
    for part in stride(from: communicator.rank, to: finished.count, by: communicator.size)
    where writer.isFinished(TeacherStoreIndex.partName(part)) { finished[part] = 1 }
    return try communicator.sum(finished).enumerated().filter { $1 == 0 }.map(\.offset)
  }
}

/// What a rank needs to compute one sample of a store.
struct StoreWork {
  let samples: [StoredSample]
  let inputs: any StoreInputs
  let writer: TeacherStoreWriter
  let recorder: TeacherRecorder

  /// Computes and writes a sample. - Returns: false where an earlier start did.
  func compute(_ position: Int) throws -> Bool {
    guard !writer.hasSample(position) else { return false }
    let sample = samples[position]
    let isFirst = position == 0 || samples[position - 1].view != sample.view
    try writer.write(
      try recorder.tensors(of: try inputs.input(position), sample: sample, withView: isFirst), sample: position)
    return true
  }
}
