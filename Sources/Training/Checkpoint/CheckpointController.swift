import Cluster
import Foundation
import Tensors

/// Saves behind the training's back: the ranks that share rank 0's memory write, rank 0 commits.
///
/// A save goes through two stages, each a thread's work on the ranks concerned while training goes on: writing (each rank its
/// files, synced, with checksums) and committing (rank 0: manifest, rename, removal of old checkpoints). Between steps the
/// ranks agree on whether a stage is over. All ranks call the collective methods, together.
final class CheckpointController {
  private enum Stage {
    case writing, committing
  }

  /// The save that goes on, the same on every rank.
  private struct Running {
    var state: RunState
    var stage = Stage.writing
    var snapshot: Snapshot?
    var writing: BackgroundWork<[Checkpoint.Manifest.File]>?
    var committing: BackgroundWork<Checkpoint>?
    /// Of the writing, on the rank where it took longest.
    var writingSeconds = 0.0
    /// Seconds that training has stood still for it on this rank.
    var stopped = 0.0
    var copiedBytes = 0
    /// Seconds of those in which the copies did not suffice.
    var waited = 0.0

    /// Whether this rank's part of the stage is over.
    var isDone: Bool { writing?.isDone ?? committing?.isDone ?? true }

    func wait() {
      _ = writing?.wait()
      _ = committing?.wait()
    }
  }

  private let context: RunContext
  private let trainee: Trainee
  private let writer: CheckpointWriter
  private var running: Running?
  /// Seconds of the last save's writing, on the rank where that took longest, and commit, without what lay between them;
  /// nil before the first, and elsewhere than on rank 0.
  private(set) var seconds: Double?
  /// On rank 0, of the run folder.
  var lock: FolderLock?
  private var communicator: any Communicator { context.communicator }

  /// - Parameter checkpoints: the folder they lie in.
  init(_ context: RunContext, trainee: Trainee, checkpoints: URL) {
    self.context = context
    self.trainee = trainee
    let settings = context.configuration.checkpoint
    let goesBack = context.configuration.train.spikes.chosen == .rollback
    writer = CheckpointWriter(
      checkpoints: checkpoints, keep: settings.keep, keepEvery: settings.keepEvery,
      anchorEvery: goesBack ? settings.every : 0)
  }

  /// Whether there is a checkpoint of that step; rank 0's answer counts, the others say yes.
  func holds(step: Int) -> Bool {
    !communicator.isController || Checkpoint.all(in: writer.checkpoints).contains { $0.step == step }
  }

  /// Collective: removes what a killed run left unfinished.
  func clear() throws {
    try communicator.agree {
      guard communicator.isController else { return }
      let names = writer.discardUnfinished()
      guard !names.isEmpty else { return }
      context.observer.note(
        "removed what a run that was ended had not finished: \(names.sorted().joined(separator: ", "))")
    }
  }

  /// Collective: begins to save this state, once the save before has ended; tells where that or this cannot be.
  ///
  /// - Returns: whether it began.
  func begin(_ state: RunState) throws -> Bool {
    let start = Stopwatch.now
    try settle()
    let failure = try self.start(state)
    // What the save before took too long counts, too.
    running?.stopped = Stopwatch.now - start
    if let failure { try tell(failure) }
    return failure == nil
  }

  /// Collective: saves this state and waits for its end.
  ///
  /// - Throws: `AgreedError` (input/output) where it cannot be saved.
  func save(_ state: RunState) throws {
    try settle()
    if let failure = try start(state) ?? finish() { throw AgreedError(failure) }
  }

  /// Collective: begins a save. - Returns: why it cannot be.
  private func start(_ state: RunState) throws -> UserError? {
    let failure = try communicator.agreedFailure {
      guard communicator.isController else { return }
      try lock?.check()
      try writer.prepare(step: state.step)
    }
    if let failure { return failure }
    // Rank 0's name for it: no other job writes there.
    let folder = URL(fileURLWithPath: try communicator.broadcast(writer.temporary(step: state.step).path))
    let groups = trainee.memory.node.groups
    let contents = CheckpointContents(trainee, inConversations: context.configuration.data.isConversations)
    // Each rank that writes has its share of the node's copies.
    let share = Double(contents.snapshot.bytes) / Double(max(1, try communicator.sum(contents.snapshot.bytes)))
    contents.snapshot.limit(toBytes: Int(share * Double(context.configuration.checkpoint.memory << 20)))
    var save = Running(state: state)
    if groups.index == 0 {
      save.snapshot = contents.snapshot
      save.writing = BackgroundWork("checkpoint") { try contents.write(to: folder) }
    }
    running = save
    return nil
  }

  /// Collective over the ranks that share memory: weights and moments are about to change.
  func detach() throws {
    guard let snapshot = running?.snapshot else { return }
    let start = Stopwatch.now
    let cost = snapshot.detach()
    // Each rank's files hold numbers that the others change.
    try trainee.memory.node.meet()
    running?.snapshot = nil
    running?.stopped += Stopwatch.now - start
    running?.copiedBytes = cost.copiedBytes
    running?.waited = cost.waited
  }

  /// Collective, between steps: goes on with the save where a stage is over; tells of one that failed, and training goes on.
  func poll() throws {
    guard let running, try communicator.minimum(running.isDone ? 1 : 0) == 1 else { return }
    if let failure = try advance() { try tell(failure) }
  }

  /// Collective: waits for the end of the save; tells of one that failed.
  func settle() throws { if let failure = try finish() { try tell(failure) } }

  /// Collective: waits for the end of the save. - Returns: why it failed.
  func finish() throws -> UserError? {
    var failure: UserError?
    while let running {
      running.wait()
      failure = try advance() ?? failure
    }
    return failure
  }

  /// Collective: ends a stage that is over on every rank. - Returns: why the save failed.
  private func advance() throws -> UserError? {
    guard let save = running else { return nil }
    switch save.stage {
    case .writing:
      let outcome = save.writing?.wait() ?? .success([])
      let seconds = try communicator.maximum(save.writing?.seconds ?? 0)
      let failure = try communicator.agreedFailure { _ = try outcome.get() }
      let files = try communicator.agree { try JSONEncoder().encode((try? outcome.get()) ?? []) }
      let all = try communicator.gather(Array(files))
      if let failure {
        if communicator.isController { writer.discard(step: save.state.step) }
        running = nil
        return writer.failure(step: save.state.step, failure)
      }
      running?.writingSeconds = seconds
      running?.stage = .committing
      running?.writing = nil
      let sealed = try communicator.agree {
        try (all ?? []).flatMap { try JSONDecoder().decode([Checkpoint.Manifest.File].self, from: Data($0)) }
      }
      guard communicator.isController else { return nil }
      let (writer, state, lock) = (writer, save.state, lock)
      running?.committing = BackgroundWork("commit") {
        do { try lock?.check() } catch {
          writer.discard(step: state.step)
          throw error
        }
        return try writer.commit(state, sealed: sealed)
      }
      return nil
    case .committing:
      let outcome = save.committing?.wait()
      running = nil
      let failure = try communicator.agreedFailure { _ = try outcome?.get() }
      let stopped = try communicator.maximum(save.stopped)
      let waited = try communicator.maximum(save.waited)
      let copied = try communicator.sum(save.copiedBytes)
      guard failure == nil, case .success(let checkpoint)? = outcome else { return failure }
      seconds = save.writingSeconds + (save.committing?.seconds ?? 0)
      context.observer.saved(checkpoint, SaveCost(stopped: stopped, waited: waited, copiedBytes: copied))
      return nil
    }
  }

  /// Tells of a save that failed, after which training goes on; throws where the folder is another job's by now.
  private func tell(_ failure: UserError) throws {
    if failure.kind == .rankLost { throw AgreedError(failure) }
    guard communicator.isController else { return }
    context.observer.warn("\(failure.message); training goes on, and the next save tries again")
  }
}

extension Communicator {
  /// Collective: the error of the lowest rank whose body throws, or nil.
  fileprivate func agreedFailure(_ body: () throws -> Void) throws -> UserError? {
    var failure: UserError?
    do { try body() } catch { failure = UserError.from(error) }
    return try agreedFailure(failure)
  }
}
