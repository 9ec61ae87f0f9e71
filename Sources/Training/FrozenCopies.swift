import Autograd
import Cluster
import Tensors

/// Frozen weights that no mapped file holds in the form in which they are kept (random ones, rounded ones), once a node.
final class FrozenCopies {
  private let node: NodeMemory
  /// By name of the tensor.
  private let places: [String: Range<Int>]
  private let precision: Precision

  /// Collective: memory for these tensors.
  ///
  /// - Throws: `UserError(.unavailable)` where the system has not so much memory.
  init(
    _ entries: [ParameterLayout.Entry], precision: Precision, communicator: any Communicator, sharing: MemorySharing
  ) throws {
    var plan = WindowPlan()
    places = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, plan.add(bytes: $0.frozenBytes(precision))) })
    node = try NodeMemory(communicator, plan: plan, sharing: sharing)
    self.precision = precision
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
}
