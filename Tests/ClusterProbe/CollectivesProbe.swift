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
      try checkTransfers(communicator)
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
  guard size > 1 else { return }
  if rank == 0 { try communicator.send((0..<1000).map { $0 * 7 }, to: size - 1) }
  if rank == size - 1 {
    try expect(try communicator.receive(Int.self, count: 1000, from: 0) == (0..<1000).map { $0 * 7 }, "message")
  }
}

/// Messages of two kinds on their way at once, a team's sum, and memory of every kind.
private func checkTransfers(_ communicator: MessagePassing) throws {
  let (rank, size) = (communicator.rank, communicator.size)
  if size > 1 {
    let count = min(8, communicator.largestTransfer)
    var received = [[UInt8]](repeating: [UInt8](repeating: 0, count: count), count: 4)
    let sent = (0..<4).map { [UInt8](repeating: UInt8(10 * rank + $0), count: count) }
    let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size)
    let box = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 * count, alignment: 8)
    defer { box.deallocate() }
    var transfers: [any Transfer] = []
    for message in 0..<4 {
      let place = UnsafeMutableRawBufferPointer(rebasing: box[message * count..<(message + 1) * count])
      transfers.append(try communicator.startReceive(place, from: previous, kind: message % 2))
    }
    for message in [1, 0, 3, 2] {
      let place = UnsafeMutableRawBufferPointer(rebasing: box[(4 + message) * count..<(5 + message) * count])
      place.copyBytes(from: sent[message])
      transfers.append(try communicator.startSend(UnsafeRawBufferPointer(place), to: next, kind: message % 2))
    }
    while try !transfers.allSatisfy({ try $0.isComplete() }) {}
    for message in 0..<4 { received[message] = [UInt8](box[message * count..<(message + 1) * count]) }
    let expected = (0..<4).map { [UInt8](repeating: UInt8(10 * previous + $0), count: count) }
    try expect(received == expected, "messages on their way")
  }
  let team = try communicator.makeTeam(color: rank % 2 == 0 ? 3 : nil)
  try expect((team != nil) == (rank % 2 == 0), "the team")
  var values = (0..<10).map { Float($0 + rank) }
  try values.withUnsafeMutableBufferPointer { try team?.sum($0) }
  let members = stride(from: 0, to: size, by: 2)
  try expect(
    team == nil || values == (0..<10).map { index in members.reduce(0) { $0 + Float(index + $1) } }, "a team's sum")
  for sharing in MemorySharing.allCases {
    var plan = WindowPlan()
    let part = plan.add(size, of: Float.self)
    let memory = try NodeMemory(communicator, plan: plan, sharing: sharing)
    let numbers: Tensor<Float> = memory.tensor(part)
    try expect(numbers.array.allSatisfy { $0 == 0 }, "fresh memory")
    try memory.meet()
    numbers[rank] = 1
    try memory.meet()
    let kinds: [MemorySharing: SharedMemory.Kind] = [.auto: .anonymous, .named: .named, .private: .private]
    let isShared = sharing != .private
    try expect(
      memory.kind == kinds[sharing] && memory.groups.count == (isShared ? communicator.nodeCount : size),
      "the kind of memory")
    try expect(numbers.array.reduce(0, +) == (isShared ? Float(communicator.localSize) : 1), "shared memory")
    try expect(memory.remark == nil, "the remark")
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
