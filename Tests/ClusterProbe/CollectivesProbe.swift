import Cluster
import Foundation
import Tensors

/// Every operation of the MPI communicator, cut into pieces of a few bytes; prints "ok" or fails with what was wrong.
func probeCollectives(_ options: ProbeOptions) -> Int32 {
  do {
    let communicator = try MessagePassing(pieceBytes: options("piece", 1 << 30))
    do {
      try checkArrays(communicator)
      try checkMessages(communicator)
      try checkPlace(communicator, nodes: options("nodes", 1))
    } catch {
      communicator.abort(.from(error))
    }
    if communicator.isController { print("ok") }
    try communicator.finish()
    return 0
  } catch {
    Job.report(.from(error))
    return UserError.from(error).exitCode
  }
}

private func expect(_ condition: Bool, _ what: String) throws {
  if !condition { throw UserError(.internalFault, "\(what) is wrong") }
}

private func checkArrays(_ communicator: MessagePassing) throws {
  let (rank, size) = (communicator.rank, communicator.size)
  let last = size - 1
  try expect(
    try communicator.broadcast((0..<100).map { $0 * (rank + 1) }, from: last) == (0..<100).map { $0 * size },
    "broadcast")
  try expect(try communicator.broadcast(rank == last ? "text" : "", from: last) == "text", "broadcast of text")
  let sums = try communicator.sum((0..<50).map { Int64($0 + rank) })
  try expect(sums == (0..<50).map { Int64($0 * size + size * (size - 1) / 2) }, "sum")
  try expect(try communicator.maximum(Double(rank)) == Double(last), "maximum")
  try expect(try communicator.minimum(rank) == 0, "minimum")
  // Rank k has 3 k values, rank 0 none.
  let own = (0..<3 * rank).map { Int32(100 * rank + $0) }
  let all = (0..<size).map { peer in (0..<3 * peer).map { Int32(100 * peer + $0) } }
  try expect(try communicator.allGather(own) == all, "all-gather")
  try expect(try communicator.allGather([Int32]()) == all.map { _ in [] }, "all-gather of nothing")
  try expect(try communicator.gather(own, to: last) == (rank == last ? all : nil), "gather")
  try communicator.barrier()
}

private func checkMessages(_ communicator: MessagePassing) throws {
  let (rank, size) = (communicator.rank, communicator.size)
  // Rank a sends (a + b) mod 5 bytes of value a to rank b.
  let counts = (0..<size).map { (rank + $0) % 5 }
  var end = 0
  let ranges = counts.map { count -> Range<Int> in
    end += count
    return end - count..<end
  }
  let source = [UInt8](repeating: UInt8(rank), count: end)
  var destination = [UInt8](repeating: 255, count: end)
  try source.withUnsafeBytes { source in
    try destination.withUnsafeMutableBytes {
      try communicator.exchangeBytes(from: source, outgoing: ranges, into: $0, incoming: ranges)
    }
  }
  let expected = counts.enumerated().flatMap { peer, count in [UInt8](repeating: UInt8(peer), count: count) }
  try expect(destination == expected, "exchange")
  guard size > 1 else { return }
  if rank == 0 { try communicator.send((0..<1000).map { $0 * 7 }, to: size - 1) }
  if rank == size - 1 {
    try expect(try communicator.receive(Int.self, count: 1000, from: 0) == (0..<1000).map { $0 * 7 }, "message")
  }
}

private func checkPlace(_ communicator: MessagePassing, nodes: Int) throws {
  try expect(communicator.nodeCount == nodes, "the number of nodes")
  let nodeOfRank = try communicator.allGather([communicator.node]).map { $0[0] }
  let own = nodeOfRank.indices.filter { nodeOfRank[$0] == communicator.node }
  try expect(nodeOfRank == nodeOfRank.sorted() && Set(nodeOfRank) == Set(0..<nodes), "the nodes of the ranks")
  try expect(own.firstIndex(of: communicator.rank) == communicator.localRank, "the local rank")
  try expect(own.count == communicator.localSize, "the number of local ranks")
  try expect(!communicator.library.isEmpty, "the library's name")
}
