import Cluster
import Foundation
import Testing

@testable import Experiments

@Suite struct ScalingModelTests {
  private let gigabit = 1e9 / 8

  private func model(
    ranks: Int = 4, seconds: Double = 4, gradient: Double = 1e9, memory: Double = 4e10, bandwidth: Double? = nil,
    latency: Double = 5e-5, overhead: Double = 5e-6
  ) -> ScalingModel {
    var model = ScalingModel(
      ranksPerNode: ranks, shardSeconds: seconds, gradientBytes: gradient, memoryBandwidth: memory,
      network: .init(bandwidth: bandwidth ?? 10 * gigabit, latency: latency, overhead: overhead))
    model.chunkBytes = 1_048_576 / Double(ranks)
    return model
  }

  private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1e-9) }

  @Test func oneNodeHasNoNetwork() {
    for reduction in GradientReduction.allCases {
      var model = model()
      model.reduction = reduction
      let step = model.predict(nodes: 1, shards: 10)
      #expect(step.rounds == 3 && step.ranks == 4 && step.network == 0 && step.fill == 0)
      // Three rounds of a shard and five gradients' bytes; seven for AdamW.
      #expect(isClose(step.step, 3 * (4 + 5 * 1e9 / 4e10) + 7 * 1e9 / 4e10))
      #expect(isClose(step.efficiency, 10 * 4 / (4 * step.step)))
    }
  }

  @Test func aPerfectNetworkMakesAllNodesOne() {
    for reduction in GradientReduction.allCases {
      var model = model(bandwidth: .infinity, latency: 0, overhead: 0)
      model.reduction = reduction
      let one = model.predict(nodes: 1)
      for nodes in [2, 3, 100, 1024] {
        #expect(isClose(model.predict(nodes: nodes).step, one.step))
        #expect(
          isClose(
            model.predict(nodes: nodes, shards: 2 * nodes * 4).efficiency, model.predict(nodes: 1, shards: 8).efficiency
          ))
      }
    }
    let ideal = model(memory: .infinity, bandwidth: .infinity, latency: 0, overhead: 0)
    #expect(isClose(ideal.predict(nodes: 64).efficiency, 1))
  }

  /// Backward hides nothing here, so that the whole network shows.
  @Test func formulasHold() {
    var model = model(seconds: 4, bandwidth: 1e9, latency: 1e-3, overhead: 1e-5)
    model.overlap = 0
    model.chunkBytes = 1e6 / 4
    let hop = 1e-3 + 1e-3 + 1e-5
    for (nodes, directions) in [(2, 1.0), (3, 2), (10, 2)] {
      let step = model.predict(nodes: nodes)
      #expect(isClose(step.fill, 2 * Double(nodes - 1) * hop), "\(nodes)")
      // A thousand chunks of a message each.
      #expect(isClose(step.network, directions * (1 + 1000 * 1e-5) + step.fill), "\(nodes)")
    }
    model.reduction = .fast
    let ring = model.predict(nodes: 10)
    #expect(isClose(ring.fill, 18 * 1e-3) && isClose(ring.network, 18.0 / 10 * 1 + 18 * 1e-3))
  }

  /// What fits into backward costs nothing but its messages, the last bucket and the way over the nodes.
  @Test func backwardHidesTheStream() {
    let messages = 2 * 5e-6 * 1e9 / 1_048_576
    let step = model(seconds: 400, bandwidth: 1e9).predict(nodes: 8)
    #expect(isClose(step.network, messages + 2 * Double(4 << 20) * 1e-9 + step.fill))
    let tight = model(seconds: 1, bandwidth: 1e9).predict(nodes: 8)
    #expect(isClose(tight.network, messages + 2 - 2.0 / 3 + tight.fill))
  }

  /// A round waits for the running fold of the one before it, at the pace of the link or of the way around all nodes.
  @Test func roundsTakeWhatTheirSlowestPartTakes() {
    func aRound(_ model: ScalingModel, nodes: Int) -> Double {
      let ranks = 4 * nodes
      return model.predict(nodes: nodes, shards: 3 * ranks).step - model.predict(nodes: nodes, shards: 2 * ranks).step
    }
    #expect(isClose(aRound(model(seconds: 0.1, bandwidth: 1e8), nodes: 2), 10))
    let around = 100 * (0.05 + 1_048_576 / (10 * gigabit) + 5e-6)
    #expect(isClose(aRound(model(seconds: 0.1, gradient: 4e6, memory: 1e15, latency: 0.05), nodes: 100), around))
    let computing = 4 + 5 * 1e9 / 4e10 + 5e-6 * 1e9 / 1_048_576
    #expect(isClose(aRound(model(seconds: 4), nodes: 2), computing))
  }

  @Test func moreOfABadThingNeverHelps() {
    for reduction in GradientReduction.allCases {
      var base = model()
      base.reduction = reduction
      func step(_ nodes: Int, _ change: (inout ScalingModel) -> Void = { _ in }) -> Double {
        var model = base
        change(&model)
        return model.predict(nodes: nodes).step
      }
      var before = 0.0
      for nodes in 1...1024 {
        let now = step(nodes)
        #expect(now >= before, "\(reduction), \(nodes) nodes")
        before = now
      }
      for nodes in [1, 2, 7, 256] {
        #expect(step(nodes) <= step(nodes) { $0.network.bandwidth /= 2 })
        #expect(step(nodes) <= step(nodes) { $0.network.latency *= 2 })
        #expect(step(nodes) <= step(nodes) { $0.network.overhead *= 2 })
        #expect(step(nodes) < step(nodes) { $0.gradientBytes *= 2 })
        #expect(step(nodes) < step(nodes) { $0.memoryBandwidth /= 2 })
        #expect(step(nodes) < step(nodes) { $0.shardSeconds *= 2 })
      }
    }
  }

  @Test func idleNodesWaitForTheResult() {
    let model = model()
    let fixed = [1, 2, 4, 8, 16, 64].map { model.predict(nodes: $0, shards: 16) }
    #expect(fixed.map(\.rounds) == [4, 2, 1, 1, 1, 1])
    #expect(fixed.allSatisfy { $0.efficiency <= 1 && isClose($0.efficiency, 16 * 4 / (Double($0.ranks) * $0.step)) })
    #expect(fixed[3].step >= fixed[2].step, "nodes without a shard do not help")
    // From the fourth node, the last with a shard, to the farthest.
    var bare = model
    bare.overlap = 0
    let hop = bare.predict(nodes: 2).fill / 2
    #expect(isClose(bare.predict(nodes: 64, shards: 16).fill, (3 + 60) * hop))
    #expect(isClose(bare.predict(nodes: 5, shards: 16).fill, (3 + 3) * hop))
  }

  @Test func latencyMattersFromSomeNumberOfNodesOn() throws {
    #expect(model(bandwidth: .infinity, latency: 0, overhead: 0).latencyMatters(upTo: 1024) == nil)
    let first = try #require(model().latencyMatters(upTo: 1024))
    #expect(model().predict(nodes: first).fillShare > 0.05 && model().predict(nodes: first - 1).fillShare <= 0.05)
    #expect(model().latencyMatters(upTo: first - 1) == nil)
    #expect(model(latency: 1e-3).latencyMatters(upTo: 1024) ?? .max < first)
  }

  @Test func remediesHelp() {
    let model = model()
    let remedies = model.remedies(nodes: 1024)
    let (asItIs, chunked) = (remedies[0].prediction, remedies[1].prediction)
    #expect(chunked.step < asItIs.step && chunked.fill < asItIs.fill)
    #expect(remedies[2...4].allSatisfy { $0.prediction.efficiency > asItIs.efficiency })
    #expect(remedies.last?.prediction.fill ?? .infinity < asItIs.fill)
    // Messages against the way over the nodes: (ranks chunk)^2 = 2 gradient overhead bandwidth / hops.
    let best = (2 * 1e9 * 5e-6 * 10 * gigabit / 2046).squareRoot() / 4
    #expect(abs(log2(model.bestChunk(nodes: 1024) / best)) <= 0.51)
    #expect(model.remedies(nodes: 1).count == 1)
  }

  /// What the program sends: a node's ranks share a chunk, shorter over many nodes, of 8 KiB a rank at least.
  @Test func chunksAreThoseOfTheProgram() {
    func hop(_ nodes: Int, ranks: Int) -> Double {
      var model = model(ranks: ranks)
      model.chunkBytes = nil
      return model.predict(nodes: nodes).fill / Double(2 * (nodes - 1)) - 5e-5 - 5e-6
    }
    let second = 10 * gigabit
    #expect(abs(hop(2, ranks: 4) * second - 262_144) < 1 && abs(hop(100, ranks: 4) * second - 65_536) < 1)
    #expect(abs(hop(2, ranks: 64) * second - 524_288) < 1)
  }
}
