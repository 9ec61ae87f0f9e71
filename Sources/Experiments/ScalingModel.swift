import Cluster

/// How long a step takes on a number of nodes: a model, from what one node was measured to do and what its network is
/// said to do.
///
/// Symbols: N nodes of R ranks, S shards in n = ceil(S / (N R)) rounds; c seconds a shard; G bytes of gradient; F bytes a
/// second of memory traffic of a node; B bytes a second of a node's link in each direction, L seconds of latency, o
/// seconds that a message costs its sender; k bytes of a chunk, that is of all slices which a node's ranks send at once.
///
/// - **On a node**, a round takes u = c + (R + 1) G / F: the fold reads the gradient of each of R ranks and writes their
///   sum, on the cores that compute. AdamW passes over 7 G bytes once a step: four arrays read, three written.
/// - **`ordered` between nodes**: a chain in node order. A hop of a chunk takes h = L + k / B + o. Every node hands a
///   round's G bytes on, G / B + o G / k in all; the running fold returns from the last node to node 0, so that a round
///   but the last takes max(u, G / B + o G / k, N h). In the last round the result goes back along the chain: nodes
///   between the ends send both ways, 2 (G / B + o G / k), and the last chunk passes 2 (N - 1) hops: the fill.
/// - **`fast` between nodes**: one ring all-reduce a step, 2 (N - 1) / N G / B, and a fill of 2 (N - 1) L.
/// - **Overlap**: buckets leave while backward produces them, evenly over its share of c. Exposed is what exceeds that
///   time in the last round, at least the last bucket's transfer, and the fill.
///
/// Assumed: nodes alike, none late; a network without contention, where neighbours in the chain have a full link between
/// them; sending costs the cores o a message and nothing a byte; the ranks of a node share its link evenly.
public struct ScalingModel: Codable, Sendable, Equatable {
  /// How nodes reduce (`train.reduction`).
  public enum Reduction: String, Codable, Sendable, CaseIterable { case ordered, fast }

  /// The link of a node.
  public struct Network: Codable, Sendable, Equatable {
    /// Bytes a second in each direction.
    public var bandwidth: Double
    /// Seconds until the first byte of a message arrives.
    public var latency: Double
    /// Seconds that a message costs its sender besides.
    public var overhead: Double

    public init(bandwidth: Double, latency: Double, overhead: Double = 5e-6) {
      self.bandwidth = bandwidth
      self.latency = latency
      self.overhead = overhead
    }
  }

  public var ranksPerNode: Int
  /// Seconds of a shard's forward and backward on one rank.
  public var shardSeconds: Double
  /// Share of them in which backward produces the gradient.
  public var backwardShare = 2.0 / 3
  public var gradientBytes: Double
  /// Bytes a second of a node's memory, read and written.
  public var memoryBandwidth: Double
  public var chunkBytes = 1_048_576.0
  public var network: Network
  public var reduction = Reduction.ordered

  /// - Precondition: ranks, seconds, bytes and bandwidths are above zero.
  public init(
    ranksPerNode: Int, shardSeconds: Double, gradientBytes: Double, memoryBandwidth: Double, network: Network
  ) {
    precondition(ranksPerNode > 0 && shardSeconds > 0 && gradientBytes > 0, "nothing to compute")
    precondition(memoryBandwidth > 0 && network.bandwidth > 0 && network.latency >= 0, "impossible rates")
    self.ranksPerNode = ranksPerNode
    self.shardSeconds = shardSeconds
    self.gradientBytes = gradientBytes
    self.memoryBandwidth = memoryBandwidth
    self.network = network
  }

  /// A step of one shard a rank: the global batch grows with the nodes.
  public func predict(nodes: Int) -> ScalingPrediction { predict(nodes: nodes, shards: nodes * ranksPerNode) }

  /// A step of that many shards. Where they do not reach all nodes, those in front have them.
  ///
  /// - Precondition: at least one node and one shard.
  public func predict(nodes: Int, shards: Int) -> ScalingPrediction {
    precondition(nodes > 0 && shards > 0, "\(nodes) nodes, \(shards) shards")
    let ranks = nodes * ranksPerNode
    let rounds = (shards + ranks - 1) / ranks
    let last = shards - (rounds - 1) * ranks
    let fold = Double(min(ranksPerNode, shards) + 1) * gradientBytes / memoryBandwidth
    let round = shardSeconds + fold
    let optimizer = 7 * gradientBytes / memoryBandwidth
    let exchange = exchange(nodes: nodes, active: (last - 1) / ranksPerNode + 1)
    let network = Double(rounds - 1) * max(0, exchange.round - round) + exchange.exposed
    let (compute, folds) = (Double(rounds) * shardSeconds, Double(rounds) * fold)
    let step = compute + folds + optimizer + network
    return ScalingPrediction(
      nodes: nodes, ranks: ranks, shards: shards, rounds: rounds, step: step, compute: compute, fold: folds,
      optimizer: optimizer, network: network, fill: exchange.fill,
      efficiency: Double(shards) * shardSeconds / (Double(ranks) * step))
  }

  /// Seconds of the network: a round but the last, at least; what the last one adds to its computation; and of that the
  /// way of the last chunk over all hops.
  private func exchange(nodes: Int, active: Int) -> (round: Double, exposed: Double, fill: Double) {
    guard nodes > 1 else { return (0, 0, 0) }
    let window = backwardShare * shardSeconds
    let bucket = min(Double(SlicePlan.standardBucketBytes), gradientBytes)
    if reduction == .fast {
      let share = 2 * Double(nodes - 1) / Double(nodes) / network.bandwidth
      let fill = 2 * Double(nodes - 1) * network.latency
      return (0, max(share * gradientBytes - window, share * bucket) + fill, fill)
    }
    let chunk = min(chunkBytes, gradientBytes)
    let perByte = 1 / network.bandwidth + network.overhead / chunk
    let hop = network.latency + chunk * perByte
    // Up to the last node with a shard, and from there to the farthest of both sides.
    let hops = (active - 1) + max(active - 1, nodes - active)
    // Whether some node sends both ways.
    let directions = active > 2 || (active == 2 && nodes > 2) ? 2.0 : 1
    let fill = Double(hops) * hop
    return (
      max(gradientBytes * perByte, Double(nodes) * hop),
      max(directions * gradientBytes * perByte - window, directions * bucket * perByte) + fill, fill
    )
  }
}

/// What the model says of a step, in seconds.
public struct ScalingPrediction: Codable, Sendable, Equatable {
  public var nodes: Int
  public var ranks: Int
  public var shards: Int
  public var rounds: Int
  /// The whole step.
  public var step: Double
  /// Of which computing, folding within the node, AdamW, and waiting for other nodes.
  public var compute: Double
  public var fold: Double
  public var optimizer: Double
  public var network: Double
  /// Of the waiting: the way of the last chunk over all nodes, which grows with their number.
  public var fill: Double
  /// Share of the ranks' time in which they compute shards.
  public var efficiency: Double

  /// Share of the step.
  public var fillShare: Double { fill / step }
}
