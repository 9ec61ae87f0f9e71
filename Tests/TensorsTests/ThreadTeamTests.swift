import Dispatch
import Foundation
import Synchronization
import Testing

@testable import Tensors

@Suite struct ThreadTeamTests {
  @Test func sharesCoverTheLoopOnce() {
    for (count, threads) in [(0, 2), (1, 4), (7, 2), (100, 3), (5, 16)] {
      let marks = Tensor<Float>(zeros: [max(1, count)])
      ThreadTeam(threads: threads).share(count) { range in for index in range { marks[index] += 1 } }
      #expect(marks.array == [Float](repeating: count > 0 ? 1 : 0, count: max(1, count)))
    }
  }

  /// Loops at once after each other, after pauses in which the helpers fall asleep, and of changing length.
  @Test(arguments: [2, 3, 8]) func manyLoopsAreEachCoveredOnce(threads: Int) {
    let team = ThreadTeam(threads: threads)
    var random = CounterRandom(seed: UInt64(threads), purpose: "loops")
    for loop in 0..<20_000 {
      let count = 1 + random.integer(below: 40)
      let sum = Atomic(0)
      team.share(count, piecesPerThread: 1 + random.integer(below: 4)) { range in
        for index in range { sum.add(index + 1, ordering: .relaxed) }
      }
      guard sum.load(ordering: .relaxed) == count * (count + 1) / 2 else {
        Issue.record("loop \(loop) of \(count)")
        return
      }
      if loop % 1000 == 0 { usleep(3000) }
    }
  }

  /// Helpers take part: two pieces that wait for each other end only if two threads run them.
  @Test func helpersTakePart() {
    let team = ThreadTeam(threads: 2)
    for _ in 0..<50 {
      let present = Atomic(0)
      team.share(2, piecesPerThread: 1) { _ in
        present.add(1, ordering: .sequentiallyConsistent)
        let start = DispatchTime.now().uptimeNanoseconds
        while present.load(ordering: .sequentiallyConsistent) < 2 {
          guard DispatchTime.now().uptimeNanoseconds - start < 20_000_000_000 else {
            Issue.record("no helper came")
            return
          }
        }
      }
    }
  }

  @Test func aLoopWithinALoopRunsWhereItBegan() {
    let team = ThreadTeam(threads: 2)
    let sum = Atomic(0)
    team.share(8) { outer in
      for _ in outer { team.share(5) { inner in sum.add(inner.count, ordering: .relaxed) } }
    }
    #expect(sum.load(ordering: .relaxed) == 40)
  }
}
