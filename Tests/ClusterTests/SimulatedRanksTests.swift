import Foundation
import Tensors
import Testing

@testable import Cluster

@Suite struct SimulatedRanksTests {
  @Test func ranksAreCountedNodeByNode() throws {
    let places = try SimulatedRanks.run(ranksPerNode: [3, 1, 2]) {
      [$0.rank, $0.size, $0.node, $0.nodeCount, $0.localRank, $0.localSize]
    }
    #expect(
      places == [
        [0, 6, 0, 3, 0, 3], [1, 6, 0, 3, 1, 3], [2, 6, 0, 3, 2, 3], [3, 6, 1, 3, 0, 1], [4, 6, 2, 3, 0, 2],
        [5, 6, 2, 3, 1, 2],
      ])
  }

  @Test func collectivesOverArraysDoWhatTheySayUnderRandomSchedules() throws {
    for size in [1, 2, 5, 16] {
      let outcomes = try SimulatedRanks.run(size, delays: UInt64(size)) { communicator -> Bool in
        let rank = communicator.rank
        var isRight = try communicator.broadcast(rank == size - 1 ? [1, 2, 3] : [], from: size - 1) == [1, 2, 3]
        isRight = try communicator.broadcast("rank \(rank)") == "rank 0" && isRight
        isRight = try communicator.sum([1, Int64(rank)]) == [Int64(size), Int64(size * (size - 1) / 2)] && isRight
        isRight = try communicator.maximum(rank) == size - 1 && isRight
        isRight = try communicator.minimum(rank + 3) == 3 && isRight
        isRight = try communicator.maximum(-Double(rank)) == 0 && isRight
        let own = [UInt16](repeating: UInt16(rank), count: rank)
        let all = (0..<size).map { [UInt16](repeating: UInt16($0), count: $0) }
        isRight = try communicator.allGather(own) == all && isRight
        isRight = try communicator.gather(own, to: size / 2) == (rank == size / 2 ? all : nil) && isRight
        let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size)
        if size > 1 {
          try communicator.send([rank, rank], to: next)
          isRight = try communicator.receive(Int.self, count: 2, from: previous) == [previous, previous] && isRight
        }
        try communicator.barrier()
        return isRight
      }
      #expect(outcomes == [Bool](repeating: true, count: size))
    }
  }

  @Test func errorOfOneRankEndsTheOthers() {
    let error = UserError(.badInput, "a damaged record")
    #expect(throws: error) {
      try SimulatedRanks.run(4) { communicator in
        if communicator.rank == 2 { throw error }
        try communicator.barrier()
      }
    }
    #expect(throws: UserError(.badInput, "rank 1: a damaged record")) {
      try SimulatedRanks.run(4) { communicator in
        if communicator.rank == 1 { communicator.abort(error) }
        try communicator.barrier()
      }
    }
  }

  @Test func ranksThatLeaveOrCallSomethingElseAreFoundInsteadOfHanging() {
    #expect(throws: UserError.self) {
      try SimulatedRanks.run(3) { if $0.rank != 1 { try $0.barrier() } }
    }
    #expect(throws: UserError.self) {
      try SimulatedRanks.run(3) { communicator in
        if communicator.rank == 1 { _ = try communicator.broadcast([1]) } else { try communicator.barrier() }
      }
    }
    #expect(throws: UserError.self) {
      try SimulatedRanks.run(2) { communicator in
        if communicator.rank == 0 { _ = try communicator.receive(Int.self, count: 1, from: 1) }
      }
    }
  }
}

@Suite struct AgreementTests {
  private func outcomes(failing: Set<Int>, of size: Int) throws -> [String] {
    try SimulatedRanks.run(size, delays: 1) { communicator in
      do {
        let value = try communicator.agree { () -> Int in
          if failing.contains(communicator.rank) {
            throw UserError(.inputOutput, "disk \(communicator.rank) is full", remedy: "make room")
          }
          return communicator.rank
        }
        return "\(value)"
      } catch let agreed as AgreedError {
        return "\(agreed.error.exitCode) \(agreed)"
      }
    }
  }

  @Test func bodiesThatSucceedKeepTheirValues() throws {
    #expect(try outcomes(failing: [], of: 3) == ["0", "1", "2"])
  }

  @Test func everyRankThrowsTheErrorOfTheLowestRankThatFailed() throws {
    #expect(
      try outcomes(failing: [2, 3], of: 5)
        == [String](repeating: "74 rank 2: disk 2 is full\n  to do: make room", count: 5))
  }

  @Test func errorOfAllRanksNamesNone() throws {
    #expect(
      try outcomes(failing: [0, 1], of: 2)
        == [String](repeating: "74 disk 0 is full\n  to do: make room", count: 2))
    #expect(throws: AgreedError(UserError(.usage, "no"))) {
      try SingleRank().agree { throw UserError(.usage, "no") }
    }
  }

  @Test func unexpectedErrorsBecomeInternalFaults() {
    #expect(UserError.from(CocoaError(.fileNoSuchFile)).kind == .internalFault)
    #expect(UserError.from(AgreedError(UserError(.usage, "no"))) == UserError(.usage, "no"))
  }
}
