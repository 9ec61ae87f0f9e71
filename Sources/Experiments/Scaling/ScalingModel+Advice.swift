import Cluster

extension ScalingModel {
  /// Share of a step from which on the chain's latency matters.
  public static let noticeableFill = 0.05

  /// The first number of nodes at which the fill takes a noticeable share of a step of one shard a rank; nil where it does
  /// so on none of up to `most`. - Complexity: O(most).
  public func latencyMatters(upTo most: Int) -> Int? {
    (1...most).first { predict(nodes: $0).fillShare > Self.noticeableFill }
  }

  /// The chunk of a rank, a power of two of bytes from 1 KiB to a bucket, with the shortest step of one shard a rank:
  /// small chunks pass the chain quickly, and cost a message each.
  public func bestChunk(nodes: Int) -> Double {
    let steps = (10...22).map { power -> (chunk: Double, step: Double) in
      let chunk = Double(1 << power)
      var model = self
      model.chunkBytes = chunk
      return (chunk, model.predict(nodes: nodes).step)
    }
    return steps.min { $0.step < $1.step }?.chunk
      ?? Double(FoldLayout.chunkBytes(groups: nodes, owners: ranksPerNode))
  }

  /// A change, and what it makes of a step on these nodes.
  public struct Remedy: Codable, Sendable {
    public var change: String
    public var prediction: ScalingPrediction
  }

  /// What can be done about the chain's latency on that many nodes, the first being none.
  public func remedies(nodes: Int) -> [Remedy] {
    var remedies = [Remedy(change: "as it is", prediction: predict(nodes: nodes))]
    guard reduction == .ordered, nodes > 1 else { return remedies }
    var chunked = self
    let best = bestChunk(nodes: nodes)
    chunked.chunkBytes = best
    remedies.append(
      Remedy(change: "chunks of \(Int(best) >> 10) KiB a rank", prediction: chunked.predict(nodes: nodes)))
    for rounds in [2, 4, 8] {
      remedies.append(
        Remedy(
          change: "\(rounds) shards a rank", prediction: predict(nodes: nodes, shards: rounds * nodes * ranksPerNode)))
    }
    var fast = self
    fast.reduction = .fast
    remedies.append(Remedy(change: "reduction fast, without its bits", prediction: fast.predict(nodes: nodes)))
    return remedies
  }
}
