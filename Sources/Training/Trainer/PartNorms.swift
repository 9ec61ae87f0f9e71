import Autograd
import Cluster
import Distillation
import Tensors

/// Measures, now and then, how strongly each loss term pulls: the norm of its share of the gradient by the student's
/// connector weight, which all terms reach, over the global batch.
///
/// Each term costs one more forward and backward of the student a shard. The shares are folded over the shards in their
/// order before the norm is taken, so its bits do not depend on the ranks.
public final class PartNorms {
  let terms: [LossTerm]
  private let every: Int
  private let computation: ShardComputation
  private let layout: GradientLayout
  /// The gradient by the connector's weight.
  private let share: GradientLayout.Share
  private let memory: NodeMemory
  /// Folds the terms' gradients, one behind the other.
  let fold: OrderedFold

  /// Collective.
  ///
  /// - Parameters:
  ///   - every: measures steps that are multiples of it.
  ///   - entry: the connector's weight in the arena's layout.
  init(
    every: Int, computation: ShardComputation, layout: GradientLayout, entry: Int, communicator: any Communicator,
    sharing: MemorySharing, assignment: ShardAssignment
  ) throws {
    self.every = every
    self.computation = computation
    self.layout = layout
    let share = layout.shares[layout.sharesOfEntry[entry][0]]
    self.share = share
    terms = computation.factors.terms
    var plan = WindowPlan()
    let parts = FoldMemory(
      Self.foldLayout(layout, share, terms: terms.count), ranks: communicator.localSize, in: &plan)
    memory = try NodeMemory(communicator, plan: plan, sharing: sharing)
    fold = try OrderedFold(memory, parts: parts, assignment: assignment, channel: 1)
  }

  /// Bytes a node needs once, and bytes of each rank's ring; nil where nothing is measured.
  ///
  /// - Parameters:
  ///   - layout: everything that is trained.
  ///   - connector: name of the connector's weight.
  public static func bytes(
    _ objective: ObjectiveConfiguration, layout: ParameterLayout, connector: String
  ) -> (node: Int, rank: Int)? {
    guard objective.norms.every > 0, let entry = layout.entries.firstIndex(where: { $0.name == connector }) else {
      return nil
    }
    let gradient = GradientLayout(layout, pieceElements: ParameterArena<Float>.standardPieceElements)
    let share = gradient.shares[gradient.sharesOfEntry[entry][0]]
    let fold = foldLayout(gradient, share, terms: objective.factors().terms.count)
    return (4 * fold.count, FoldMemory.ringBytes(fold))
  }

  /// The terms' gradients by the connector's weight, one behind the other.
  private static func foldLayout(
    _ layout: GradientLayout, _ share: GradientLayout.Share, terms: Int
  ) -> FoldLayout {
    let pieces = (0..<terms).flatMap { term in
      share.pieces.map { place(of: layout.pieces[$0].range, share: share, term: term) }
    }
    return FoldLayout(count: terms * length(share), pieces: pieces, slots: 2)
  }

  /// Floats from one term's gradient to the next's: whole cache lines.
  private static func length(_ share: GradientLayout.Share) -> Int { (share.range.count + 15) / 16 * 16 }

  private static func place(of range: Range<Int>, share: GradientLayout.Share, term: Int) -> Range<Int> {
    let start = term * length(share) + range.lowerBound - share.range.lowerBound
    return start..<start + range.count
  }

  /// Whether a step, counted from 1, is measured.
  func isDue(step: Int) -> Bool { step % every == 0 }

  func beginStep() { fold.beginStep() }

  /// Measures a shard of this rank, before its own backward.
  func measure(_ shard: PreparedShard, round: Int, counts: GlobalCounts, factors: LossFactors) throws {
    // Buckets are folded from the last to the first.
    for (index, term) in terms.enumerated().reversed() {
      let sink = FoldSink(fold, round: round, layout: layout) { [layout, share] piece in
        share.pieces.contains(piece) ? Self.place(of: layout.pieces[piece].range, share: share, term: index) : nil
      }
      _ = try computation.run(shard, counts: counts, factors: factors.only(term), into: sink)
      try sink.check()
    }
  }

  /// Collective: the norms, each with its term's factor, on every rank.
  func norms() throws -> [LossTerm: Double] {
    try fold.endStep()
    let norms = terms.indices.map { term in
      fold.sums.range(Self.place(of: share.range, share: share, term: term)).sumOfSquares.squareRoot()
    }
    // Nobody starts the next fold before all have read this one's result.
    try memory.meet()
    return Dictionary(uniqueKeysWithValues: zip(terms, norms))
  }
}
