import Foundation
import Tensors

/// One rank without a message-passing library: every collective is a copy or nothing.
public final class SingleRank: Communicator {
  public let rank = 0
  public let size = 1
  public let node = 0
  public let nodeCount = 1
  public let localRank = 0
  public let localSize = 1
  public let status: RankStatus
  public let library = "none (one rank)"

  /// - Parameter status: where a rank of a larger job publishes what it does while it works alone; nil: a page of its own.
  public init(status: RankStatus? = nil) { self.status = status ?? RankStatus(alone: 0, of: .here(1)) }

  public func barrier() {}
  public func broadcastBytes(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) {}
  public func reduce(_ values: inout [Int64], by reduction: Reduction) {}
  public func reduce(_ values: inout [Double], by reduction: Reduction) {
    precondition(reduction != .sum, "sums of doubles depend on the number of ranks")
  }

  public func gatherBytes(
    _ bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer, incoming: [Range<Int>],
    to root: Int
  ) {
    precondition(incoming[0].count == bytes.count, "a rank gathers as many bytes as it sends to itself")
    destination.write(bytes, at: incoming[0].lowerBound)
  }

  public func allGatherBytes(_ memory: UnsafeMutableRawBufferPointer, ranges: [Range<Int>]) {}

  public func sendBytes(_ bytes: UnsafeRawBufferPointer, to destination: Int) throws { throw noPeer(destination) }
  public func receiveBytes(_ bytes: UnsafeMutableRawBufferPointer, from source: Int) throws { throw noPeer(source) }

  public func startSend(_ bytes: UnsafeRawBufferPointer, to destination: Int, kind: Int) throws -> any Transfer {
    throw noPeer(destination)
  }
  public func startReceive(_ bytes: UnsafeMutableRawBufferPointer, from source: Int, kind: Int) throws -> any Transfer {
    throw noPeer(source)
  }

  public func shareMemory(bytes: Int, sharing: MemorySharing) throws -> SharedMemory { try SharedMemory(alone: bytes) }

  public func makeTeam(color: Int?) -> (any RankTeam)? { color.map { _ in LoneTeam() } }

  public func abort(_ error: UserError) {
    Job.report(error)
    exit(error.exitCode)
  }

  public func finish() {}

  private func noPeer(_ rank: Int) -> UserError { UserError(.internalFault, "rank \(rank) of 1 does not exist") }
}

/// The sum over one rank.
private final class LoneTeam: RankTeam {
  func sum(_ values: UnsafeMutableBufferPointer<Float>) {}
}

extension UnsafeMutableRawBufferPointer {
  /// Copies the bytes to that offset. - Precondition: they fit.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    UnsafeMutableRawBufferPointer(rebasing: self[offset..<offset + bytes.count]).copyMemory(from: bytes)
  }
}
