import Cluster

/// How long a step takes on a number of nodes: a model, from what one node was measured to do and what its network is
/// said to do.
///
/// Symbols: N nodes of R ranks, S shards in n = ceil(S / (N R)) rounds; c seconds a shard; G bytes of gradient; F bytes a
/// second of memory traffic of a node; B bytes a second of a node's link in each direction, L seconds of latency, o
/// seconds of a core that a message costs; k bytes that a node's ranks send at once, a chunk each, at most a bucket.
///
/// - **On a node**, a round takes u = c + (R + 1) G / F: the fold reads the gradient of each of R ranks and writes their
///   sum, on the cores that compute. AdamW passes over 7 G bytes once a step: four arrays read, three written.
/// - **`ordered` between nodes**: a chain in node order. A hop of a chunk takes h = L + k / B + o. Every node hands a
///   round's G bytes on, which takes its link G / B and its ranks' cores m = o G / k; the running fold returns from the
///   last node to node 0. So a round but the last takes max(u + m, G / B, N h). In the last round the result goes back
///   along the chain: nodes between the ends send both ways, 2 G / B and 2 m, and the last chunk passes 2 (N - 1) hops:
///   the fill.
/// - **`fast` between nodes**: one ring all-reduce a step, 2 (N - 1) / N G / B, and a fill of 2 (N - 1) L. It begins when
///   the node's fold has ended, so nothing of it is hidden.
/// - **Overlap**: buckets leave while backward produces them, evenly over a share of c. Of the last round's bytes on the
///   link those count that exceed this time, and at least the last bucket's; messages and fill count in full.
///
/// Assumed: nodes alike, none late; a network without contention, where neighbours in the chain have a full link between
/// them; a message costs the cores o, its bytes nothing; the ranks of a node share its link evenly, and each sends its
/// part of a chunk at the same time as the others.
public struct ScalingModel: Codable, Sendable, Equatable {
  /// The link of a node.
  public struct Network: Codable, Sendable, Equatable {
    /// Bytes a second in each direction.
    public var bandwidth: Double
    /// Seconds until the first byte of a message arrives.
    public var latency: Double
    /// Seconds of a core's time that sending and receiving a message cost.
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
  /// Share of them in which the network works unseen: that of backward, which produces the gradient. 0 where moving the
  /// bytes takes the same cores.
  public var overlap = 2.0 / 3
  public var gradientBytes: Double
  /// Bytes a second of a node's memory, read and written.
  public var memoryBandwidth: Double
  /// Bytes that one rank sends at once; nil for what the program sends over so many nodes.
  public var chunkBytes: Double?
  public var network: Network
  /// How nodes reduce (`train.reduction`).
  public var reduction = GradientReduction.ordered

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
    let network =
      Double(rounds - 1) * max(exchange.messages, exchange.round - round) + exchange.exposed
    let (compute, folds) = (Double(rounds) * shardSeconds, Double(rounds) * fold)
    let step = compute + folds + optimizer + network
    return ScalingPrediction(
      nodes: nodes, ranks: ranks, shards: shards, rounds: rounds, step: step, compute: compute, fold: folds,
      optimizer: optimizer, network: network, fill: exchange.fill,
      efficiency: Double(shards) * shardSeconds / (Double(ranks) * step))
  }

  /// Seconds of the network.
  private struct Exchange {
    /// Of the cores for the messages of a round but the last.
    var messages = 0.0
    /// Of a round but the last, whatever is computed meanwhile.
    var round = 0.0
    /// What the last round takes beyond its computation.
    var exposed = 0.0
    /// Of that, the way of the last chunk over all hops.
    var fill = 0.0
  }

  /// - Parameter active: nodes with a shard in the last round.
  private func exchange(nodes: Int, active: Int) -> Exchange {
    guard nodes > 1 else { return Exchange() }
    if reduction == .fast {
      let fill = 2 * Double(nodes - 1) * network.latency
      return Exchange(
        exposed: 2 * Double(nodes - 1) / Double(nodes) * gradientBytes / network.bandwidth + fill, fill: fill)
    }
    let bucket = min(Double(FoldLayout.standardBucketBytes), gradientBytes)
    let chunk = min(
      bucket, Double(ranksPerNode) * (chunkBytes ?? Double(FoldLayout.chunkBytes(groups: nodes, owners: ranksPerNode))))
    let hop = network.latency + chunk / network.bandwidth + network.overhead
    let messages = network.overhead * gradientBytes / chunk
    // Up to the last node with a shard, and from there to the farthest of both sides.
    let hops = (active - 1) + max(active - 1, nodes - active)
    // Whether some node sends both ways.
    let directions = active > 2 || (active == 2 && nodes > 2) ? 2.0 : 1
    let fill = Double(hops) * hop
    let shown = max(
      directions * gradientBytes / network.bandwidth - overlap * shardSeconds, directions * bucket / network.bandwidth)
    return Exchange(
      messages: messages, round: max(gradientBytes / network.bandwidth, Double(nodes) * hop),
      exposed: directions * messages + shown + fill, fill: fill)
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

extension GradientReduction: Codable {}
