import Autograd
import Cluster
import Tensors

/// The frozen weights of a node: what no mapped file holds in the form in which it is kept (random ones, rounded ones) lies
/// in memory that its ranks share; all of them are compared with the other nodes'.
final class FrozenCopies {
  private let node: NodeMemory
  private let replicas: ReplicaCheck
  /// By name of the tensor.
  private let places: [String: Range<Int>]
  private let precision: Precision

  /// Collective: memory for these tensors.
  ///
  /// - Parameter tensors: of the whole model, mapped ones included, whose copies are compared.
  /// - Throws: `UserError(.unavailable)` where the system has not so much memory.
  init(
    _ entries: [ParameterLayout.Entry], of tensors: Int, precision: Precision, communicator: any Communicator,
    sharing: MemorySharing
  ) throws {
    var plan = WindowPlan()
    let checksums = ReplicaCheck.reserve(tensors: tensors, in: &plan)
    places = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, plan.add(bytes: $0.frozenBytes(precision))) })
    node = try NodeMemory(communicator, plan: plan, sharing: sharing)
    self.precision = precision
    replicas = ReplicaCheck(node, part: checksums)
  }

  /// The weights of a tensor in the node's memory, made by the first rank of the group alone; of another tensor, as made.
  func keep(
    _ entry: ParameterLayout.Entry, _ make: () throws -> KeptWeights<Float>
  ) throws -> KeptWeights<Float> {
    guard let place = places[entry.name] else { return try make() }
    let made = node.groups.isLeader ? try make() : nil
    if entry.decays, precision == .bf16 {
      let memory = node.tensor(place, of: BFloat16.self).reshaped(entry.shape)
      if case .rounded(let weights)? = made { memory.copy(from: weights) }
      return .rounded(memory)
    }
    let memory = node.tensor(place, of: Float.self).reshaped(entry.shape)
    if case .exact(let weights)? = made { memory.copy(from: weights) }
    return .exact(memory)
  }

  /// Collective: returns once the weights are there on every rank.
  func complete() throws { try node.meet() }

  /// Collective: compares the nodes' copies. - Throws: `AgreedError` naming tensor and rank.
  func compareReplicas(_ arena: ParameterArena<Float>) throws {
    try replicas.compare(arena.parameters.map { "the frozen weights of \($0.name)" }) {
      arena.parameters[$0].kept.checksum
    }
  }
}

extension KeptWeights {
  /// A sum over the bits as they are kept that any change of one of them changes.
  fileprivate var checksum: UInt64 {
    switch self {
    case .exact(let tensor): tensor.checksum
    case .rounded(let tensor): tensor.checksum
    case .half(let tensor): tensor.checksum
    }
  }
}
