import Foundation
import Tensors

/// How integers (and extremes of doubles) of all ranks are combined; the result does not depend on the order.
public enum Reduction: Sendable {
  case sum, maximum, minimum
}

/// The ranks of one job and the operations they do together.
///
/// Ranks are counted node by node. Every method marked collective is called by all ranks, in the same order; a rank that
/// calls another one leaves the others waiting. One thread of a rank makes all the calls. A failure of the transport is a
/// `UserError(.rankLost)`.
///
/// The requirements work on raw memory; the rest of the program uses the typed forms in `Communicator+Typed.swift`.
public protocol Communicator: AnyObject {
  /// This rank, from 0, counted node by node.
  var rank: Int { get }
  /// The number of ranks.
  var size: Int { get }
  /// The node this rank is on, from 0.
  var node: Int { get }
  var nodeCount: Int { get }
  /// This rank's number on its node, from 0.
  var localRank: Int { get }
  /// The number of ranks on this node.
  var localSize: Int { get }
  /// Where this rank publishes what it does.
  var status: RankStatus { get }
  /// What carries the messages, with its version.
  var library: String { get }

  /// Collective: returns once every rank has called it.
  func barrier() throws

  /// Collective: the root's bytes replace everyone's. The count is the same on all ranks.
  func broadcastBytes(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws

  /// Collective: element i becomes the reduction over ranks of element i. The count is the same on all ranks.
  func reduce(_ values: inout [Int64], by reduction: Reduction) throws

  /// Collective: element i becomes the extreme over ranks of element i, none of them NaN.
  /// - Precondition: not a sum; a sum of doubles would depend on the number of ranks.
  func reduce(_ values: inout [Double], by reduction: Reduction) throws

  /// Collective: rank k's bytes come into `destination[incoming[k]]` of the root; the others pass an empty destination
  /// and no ranges.
  func gatherBytes(
    _ bytes: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer, incoming: [Range<Int>],
    to root: Int) throws

  /// Collective, in place: rank k's bytes lie in `ranges[k]` of its memory before, and in everyone's after. The ranges are
  /// the same on all ranks and do not overlap.
  func allGatherBytes(_ memory: UnsafeMutableRawBufferPointer, ranges: [Range<Int>]) throws

  /// Sends bytes to another rank, which receives as many.
  func sendBytes(_ bytes: UnsafeRawBufferPointer, to destination: Int) throws

  /// Receives as many bytes as the other rank sends.
  func receiveBytes(_ bytes: UnsafeMutableRawBufferPointer, from source: Int) throws

  /// Starts sending bytes to another rank; they stay as they are until the transfer is complete. Those of one kind arrive
  /// in the order in which they were started. - Precondition: at most `largestTransfer` bytes.
  func startSend(_ bytes: UnsafeRawBufferPointer, to destination: Int, kind: Int) throws -> any Transfer

  /// Starts receiving as many bytes as the other rank sends; nobody touches them until the transfer is complete.
  func startReceive(_ bytes: UnsafeMutableRawBufferPointer, from source: Int, kind: Int) throws -> any Transfer

  /// Collective over the node: zeroed memory that its ranks share, or each its own, which `kind` tells.
  func shareMemory(bytes: Int, sharing: MemorySharing) throws -> SharedMemory

  /// Collective: ranks that give the same color sum among themselves; a rank without one is in no team.
  func makeTeam(color: Int?) throws -> (any RankTeam)?

  /// Throws where this rank knows that another one has failed; called in loops that wait for other ranks.
  func checkPeers() throws

  /// Ends the whole job because of an error that this rank alone has met: prints it, once per node, and ends every rank
  /// with the error's exit code. Does not return, except among simulated ranks, whose next collectives throw.
  func abort(_ error: UserError)

  /// Collective: the orderly end; no operation may follow.
  func finish() throws
}

/// A message on its way.
public protocol Transfer: AnyObject {
  /// Whether it has arrived, or may be overwritten. Messages travel within calls of this alone.
  func isComplete() throws -> Bool
}

/// Ranks that sum with the message-passing library's own all-reduce, whose order of adding depends on their number.
public protocol RankTeam: AnyObject {
  /// Collective over the team: element i becomes the sum over its ranks of element i.
  func sum(_ values: UnsafeMutableBufferPointer<Float>) throws
}

extension RankTeam {
  /// Collective over the team: each number becomes the sum over its ranks of that number.
  public func sum(_ numbers: Tensor<Float>) throws { try numbers.withUnsafeMutableBufferPointer(sum) }
}

extension Communicator {
  /// The most bytes of one transfer.
  public var largestTransfer: Int { 1 << 20 }

  public func checkPeers() throws {}

  /// Whether this rank prints, saves and decides for the job.
  public var isController: Bool { rank == 0 }

  /// "rank 2: " where there are several ranks, nothing where there is one.
  public var prefix: String { size > 1 ? "rank \(rank): " : "" }
}
