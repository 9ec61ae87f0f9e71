import Cluster
import Foundation
import Tensors
import Testing

@testable import Training

@Suite struct SnapshotTests {
  private func numbers(_ value: Float, count: Int = 1000) -> Tensor<Float> {
    let tensor = Tensor<Float>(uninitialised: [count])
    tensor.fill(value)
    return tensor
  }

  @Test func whatWasNotReadIsCopiedBeforeItChanges() {
    let snapshot = Snapshot()
    snapshot.limit(toBytes: 1 << 20)
    let live = (0..<5).map { numbers(Float($0)) }
    let regions = live.map(snapshot.add)
    #expect(snapshot.take(regions[0]).array == live[0].array)
    #expect(snapshot.take(regions[1])[0] == 1)
    // The second is being read; the third one's reader comes while the training waits for that.
    let reader = BackgroundWork("reader") { [snapshot] in
      usleep(100_000)
      return [2, 3, 4].map { region in
        usleep(20_000)
        return snapshot.take(region).array
      }
    }
    #expect(snapshot.bytes == 16_000)
    let start = Stopwatch.now
    let cost = snapshot.detach()
    live.forEach { $0.fill(-1) }
    // It waits for the second, which more memory would not spare it.
    #expect(cost == Snapshot.Cost(copiedBytes: 12_000) && Stopwatch.now - start > 0.05)
    #expect((try? reader.wait().get()) == [2, 3, 4].map { [Float](repeating: $0, count: 1000) })
  }

  @Test func withoutMemoryForCopiesTheTrainingWaits() {
    let snapshot = Snapshot()
    let live = (0..<4).map { numbers(Float($0)) }
    let regions = live.map(snapshot.add)
    let reader = BackgroundWork("reader") { [snapshot] in
      let seen = regions.map { region in
        usleep(20_000)
        return snapshot.take(region).array
      }
      snapshot.end()
      return seen
    }
    let cost = snapshot.detach()
    live.forEach { $0.fill(-1) }
    #expect(cost.copiedBytes == 0 && cost.waited > 0.05)
    #expect((try? reader.wait().get()) == (0..<4).map { [Float](repeating: Float($0), count: 1000) })
  }

  @Test func aSaveThatGivesUpHoldsNobodyUp() {
    let snapshot = Snapshot()
    _ = snapshot.add(numbers(1))
    snapshot.end()
    #expect(snapshot.detach() == Snapshot.Cost())
  }

  /// Whatever the budget and the pace: the reader sees the numbers of the snapshot's moment.
  @Test func randomBudgetsAndPacesChangeNothing() {
    for seed in 0..<40 as Range<UInt64> {
      var random = CounterRandom(seed: seed, purpose: "snapshot")
      let counts = (0..<1 + random.integer(below: 12)).map { _ in 1 + random.integer(below: 3000) }
      let live = counts.enumerated().map { numbers(Float($0), count: $1) }
      let snapshot = Snapshot()
      snapshot.limit(toBytes: random.integer(below: 4 * counts.reduce(0, +)))
      let regions = live.map(snapshot.add)
      let pauses = counts.map { _ in UInt32(random.integer(below: 300)) }
      let reader = BackgroundWork("reader") { [snapshot] in
        let seen = zip(regions, pauses).map { region, pause in
          usleep(pause)
          let tensor = snapshot.take(region)
          usleep(pause / 2)
          return tensor.array
        }
        snapshot.end()
        return seen
      }
      usleep(UInt32(random.integer(below: 1500)))
      _ = snapshot.detach()
      live.forEach { $0.fill(-1) }
      let seen = (try? reader.wait().get()) ?? []
      #expect(seen == counts.enumerated().map { [Float](repeating: Float($0), count: $1) }, "seed \(seed)")
    }
  }
}
