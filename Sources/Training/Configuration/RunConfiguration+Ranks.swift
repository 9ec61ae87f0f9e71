import Cluster

/// How the ranks of a run work together.
extension RunConfiguration.Train {
  /// How gradients are summed over nodes. - Precondition: the configuration has no problems.
  public var reducing: GradientReduction { GradientReduction(rawValue: reduction) ?? .ordered }

  /// How the ranks of a node share memory. - Precondition: likewise.
  public var sharing: MemorySharing { MemorySharing(rawValue: sharedMemory) ?? .auto }

  /// What is wrong with the values that are about ranks, one line each.
  func rankProblems() -> [String] {
    let choices: [(key: String, value: String, allowed: [String])] = [
      ("reduction", reduction, GradientReduction.allCases.map(\.rawValue)),
      ("shared_memory", sharedMemory, MemorySharing.allCases.map(\.rawValue)),
    ]
    return choices.filter { !$0.allowed.contains($0.value) }.map {
      "train.\($0.key) is \"\($0.value)\"; it can be \($0.allowed.joined(separator: ", "))"
    } + (checkEvery >= 0 ? [] : ["train.check_every is negative; 0 switches the comparison off"])
  }
}
