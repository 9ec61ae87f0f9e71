import Autograd
import Cluster
import Tensors

/// What a training keeps once a node: weights, their rounded copies, the folded gradient, AdamW's moments, and the rings of
/// buckets through which the ranks hand in their gradients.
public final class TrainingMemory {
  public let node: NodeMemory
  /// How the gradient is formed, and how it is cut for the fold.
  public let gradientLayout: GradientLayout
  public let foldMemory: FoldMemory
  /// [layout.count] each.
  public let weights: Tensor<Float>
  public let moment1: Tensor<Float>
  public let moment2: Tensor<Float>
  /// [layout.count], with products in bfloat16.
  public let rounded: Tensor<BFloat16>?
  let norms: BlockSums
  let replicas: ReplicaCheck
  /// Names of what every node has a copy of, in the order of `replica`.
  let replicaNames: [String]
  private let layout: ParameterLayout

  /// Collective.
  ///
  /// - Throws: `UserError(.unavailable)` where the system has not so much memory.
  public init(
    _ layout: ParameterLayout, precision: Precision, communicator: any Communicator, sharing: MemorySharing = .auto
  ) throws {
    let gradientLayout = GradientLayout(
      layout, pieceElements: ParameterArena<Float>.standardPieceElements)
    let isRounded = precision == .bf16
    let kinds =
      ["the weights of", "AdamW's first moment of", "AdamW's second moment of"]
      + (isRounded ? ["the rounded weights of"] : [])
    replicaNames = layout.entries.flatMap { entry in kinds.map { "\($0) \(entry.name)" } }
    var plan = WindowPlan()
    let weights = plan.add(layout.count, of: Float.self)
    let moments = (0..<2).map { _ in plan.add(layout.count, of: Float.self) }
    let rounded = isRounded ? plan.add(layout.count, of: BFloat16.self) : nil
    let squares = BlockSums.reserve(count: layout.count, in: &plan)
    let checksums = ReplicaCheck.reserve(tensors: replicaNames.count, in: &plan)
    foldMemory = FoldMemory(Self.foldLayout(gradientLayout), ranks: communicator.localSize, in: &plan)
    node = try NodeMemory(communicator, plan: plan, sharing: sharing)
    self.layout = layout
    self.gradientLayout = gradientLayout
    self.weights = node.tensor(weights)
    moment1 = node.tensor(moments[0])
    moment2 = node.tensor(moments[1])
    self.rounded = rounded.map { [node] in node.tensor($0) }
    norms = BlockSums(node, part: squares)
    replicas = ReplicaCheck(node, part: checksums)
  }

  static func foldLayout(_ gradient: GradientLayout) -> FoldLayout {
    FoldLayout(count: gradient.count, pieces: gradient.pieces.map(\.range))
  }

  /// Bytes a node needs once, and bytes of each rank's ring.
  public static func bytes(_ layout: ParameterLayout, precision: Precision) -> (node: Int, rank: Int) {
    let gradient = GradientLayout(layout, pieceElements: ParameterArena<Float>.standardPieceElements)
    return (
      layout.count * (precision == .bf16 ? 14 : 12) + 4 * gradient.count, FoldMemory.ringBytes(foldLayout(gradient))
    )
  }

  /// Collective over the group: brings the rounded weights up to date, each rank a portion of them.
  func roundWeights() throws {
    if let rounded {
      let portion = node.portion(of: layout.count)
      rounded.range(portion).setRounded(weights.range(portion))
    }
    try node.meet()
  }

  /// Collective: the first group's weights and moments in all groups.
  func copyToAllGroups() throws {
    try node.meet()
    for memory in [weights, moment1, moment2] { try node.copyToAllGroups(memory) }
    try node.meet()
  }

  /// Collective: compares the nodes' copies. - Throws: `AgreedError` naming tensor and rank.
  func compareReplicas() throws {
    let kinds = rounded == nil ? 3 : 4
    try replicas.compare(replicaNames) { index in
      let range = layout.entries[index / kinds].range
      if index % kinds == 3, let rounded { return rounded.range(range).checksum }
      return [weights, moment1, moment2][index % kinds].range(range).checksum
    }
  }
}
