import Autograd
import Cluster
import Tensors

/// AdamW on the slices of the arena this rank owns; the updated weights are then distributed.
///
/// Gradient norm and clipping use sums over fixed blocks, so nothing depends on the number of ranks.
public final class DistributedOptimizer {
  /// First and second moments, as long as the arena; only the owned slices are current between saves.
  public let moment1: Tensor<Float>
  public let moment2: Tensor<Float>
  private let weights: Tensor<Float>
  private let gradients: Tensor<Float>
  private let plan: SlicePlan
  private let communicator: any Communicator
  /// Owned stretches of the arena that lie in one parameter each, and whether weight decay applies.
  private let stretches: [(range: Range<Int>, decays: Bool)]

  public init(
    layout: ParameterLayout, weights: Tensor<Float>, gradients: Tensor<Float>, plan: SlicePlan,
    communicator: any Communicator
  ) {
    self.weights = weights
    self.gradients = gradients
    self.plan = plan
    self.communicator = communicator
    moment1 = Tensor(zeros: [layout.count])
    moment2 = Tensor(zeros: [layout.count])
    stretches = plan.slices(ownedBy: communicator.rank).flatMap { slice in
      layout.entries.compactMap { entry in
        let common = entry.range.clamped(to: slice)
        return common.isEmpty ? nil : (common, entry.decays)
      }
    }
  }

  /// Collective: the norm of the folded gradient.
  public func gradientNorm() throws -> Double {
    try BlockSums.norm(of: gradients, plan: plan, communicator: communicator)
  }

  /// Collective: one AdamW update of every weight, on all ranks alike afterwards.
  ///
  /// - Parameters:
  ///   - step: the step's settings; its weight decay applies to matrices alone.
  public func update(_ step: AdamWStep) throws {
    var withoutDecay = step
    withoutDecay.weightDecay = 0
    for (range, decays) in stretches {
      (decays ? step : withoutDecay).update(
        weight: weights.range(range), gradient: gradients.range(range),
        moment1: moment1.range(range), moment2: moment2.range(range))
    }
    try communicator.allGatherSlices(of: weights, plan: plan)
  }

  /// Collective: brings all moments to rank 0, whole, to be saved.
  public func gatherMoments() throws {
    try communicator.gatherSlices(of: moment1, plan: plan)
    try communicator.gatherSlices(of: moment2, plan: plan)
  }
}
