import Dispatch
import Foundation
import Synchronization
import Testing

@testable import Tensors

/// Numbers of threads are global to the libraries, so these run one after another.
@Suite(.serialized) struct ThreadCountsTests {
  private func restoring(_ body: () throws -> Void) rethrows {
    let before = ProductLibrary.threads
    defer { ProductLibrary.setThreads(before) }
    try body()
  }

  @Test func eachPartTakesTheStatedNumber() throws {
    try restoring {
      for threads in [1, 3, 2] {
        try ThreadCounts.state(threads)
        #expect(ThreadCounts.current == ThreadCounts(openBLAS: threads, oneDNN: threads, loops: threads))
      }
    }
  }

  /// OpenMP keeps a number per calling thread: one that was never told must not take the machine's.
  @Test func anotherThreadFindsTheSameNumbers() throws {
    try restoring {
      ProductLibrary.setThreads(3)
      let seen = Mutex<ThreadCounts?>(nil)
      let done = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        seen.withLock { $0 = .current }
        done.signal()
      }
      done.wait()
      #expect(seen.withLock { $0 } == ThreadCounts(openBLAS: 3, oneDNN: 3, loops: 3))
    }
  }

  /// What the kernel counts, not what a library says: its pool grows by the threads it is told of.
  @Test func threadsOfOpenBLASExist() throws {
    func tasks() throws -> Set<String> {
      Set(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task"))
    }
    try restoring {
      let before = try tasks()
      ProductLibrary.setThreads(ProcessInfo.processInfo.activeProcessorCount + 8)
      let operands = (0..<2).map { _ in Tensor<Double>([Double](repeating: 1, count: 300 * 300), [300, 300]) }
      let product = Tensor<Double>(zeros: [300, 300])
      multiply(operands[0].matrix, operands[1].matrix, into: product.matrix)
      #expect(product[0] == 300)
      // The pool begins with the cores of the machine, and other tests may have made it grow a little.
      #expect(try tasks().subtracting(before).count >= 4)
    }
  }

  /// All members of a team are inside its loop at the same time.
  @Test func threadsOfOurLoopsExist() throws {
    try restoring {
      ProductLibrary.setThreads(3)
      let team = ThreadTeam(threads: ThreadCounts.current.loops)
      let present = Atomic(0)
      let deadline = Date().addingTimeInterval(20)
      team.share(3, piecesPerThread: 1) { range in
        present.add(range.count, ordering: .sequentiallyConsistent)
        while present.load(ordering: .sequentiallyConsistent) < 3, Date() < deadline { usleep(100) }
      }
      #expect(Date() < deadline)
    }
  }

  @Test func aPartThatDiffersIsNamed() {
    #expect(ThreadCounts(openBLAS: 2, oneDNN: 2, loops: 2).problem(wanted: 2) == nil)
    let problem = ThreadCounts(openBLAS: 2, oneDNN: 1, loops: 2).problem(wanted: 2)
    #expect(problem?.kind == .unavailable)
    #expect(problem?.message == "train.threads is 2, but oneDNN's OpenMP would use 1")
  }
}
