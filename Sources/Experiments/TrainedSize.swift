import Autograd
import Cluster
import Models
import Tensors
import Training

/// How much a run trains, from its configuration and the student's shape alone. The objective's own parameters, few
/// beside the student's, are left out.
public struct TrainedSize: Sendable, Equatable {
  /// Numbers that are trained.
  public let parameters: Int
  private let precision: Precision

  public init(parameters: Int, precision: Precision) {
    self.parameters = parameters
    self.precision = precision
  }

  /// - Throws: `UserError` for a student that cannot be used.
  public init(_ configuration: RunConfiguration) throws {
    let layout = try DistillationRun.studentBlueprint(configuration).configuration.layout
    let trained = try configuration.train.adaptation?.layout(of: layout) ?? layout
    self.init(
      parameters: trained.entries.reduce(0) { $0 + $1.range.count }, precision: configuration.train.arithmetic)
  }

  /// Bytes of a gradient, which is in single precision whatever the products are.
  public var gradientBytes: Int { 4 * parameters }

  /// Bytes of weights, folded gradient and AdamW's moments, which a node keeps once; in bf16 the weights' rounded copies
  /// too. The ranks' buffers of gradient buckets come on top.
  public var sharedBytes: Int { (precision == .bf16 ? 18 : 16) * parameters }
}
