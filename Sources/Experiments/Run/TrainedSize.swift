import Autograd
import Cluster
import Models
import Training

/// How much a run trains, from its configuration and the student's shape alone. The objective's own parameters, few
/// beside the student's, are left out.
public struct TrainedSize: Sendable, Equatable {
  /// Numbers that are trained.
  public let parameters: Int
  /// Bytes of weights, folded gradient and AdamW's moments, which a node keeps once.
  public let nodeBytes: Int
  /// Bytes of each rank's ring of gradient buckets.
  public let ringBytes: Int

  public init(parameters: Int, nodeBytes: Int, ringBytes: Int) {
    self.parameters = parameters
    self.nodeBytes = nodeBytes
    self.ringBytes = ringBytes
  }

  /// - Throws: `UserError` for a student that cannot be used.
  public init(_ configuration: RunConfiguration) throws {
    let layout = try DistillationRun.studentBlueprint(configuration).configuration.layout
    let trained = try configuration.train.adaptation?.layout(of: layout) ?? layout
    let bytes = TrainingMemory.bytes(trained, precision: configuration.train.arithmetic)
    self.init(
      parameters: trained.entries.reduce(0) { $0 + $1.range.count }, nodeBytes: bytes.node, ringBytes: bytes.rank)
  }

  /// Bytes of a gradient, which is in single precision whatever the products are.
  public var gradientBytes: Int { 4 * parameters }

  /// Bytes that so many ranks of a node share.
  public func sharedBytes(ranks: Int) -> Int { nodeBytes + ranks * ringBytes }
}
