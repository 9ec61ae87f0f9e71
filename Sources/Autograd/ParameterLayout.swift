import Tensors

/// Names, shapes and places of trainable tensors in one flat memory, in the order they are declared.
public struct ParameterLayout: Sendable {
  /// How a tensor is filled before training.
  public enum Initialiser: Sendable, Equatable {
    /// Normal numbers of this standard deviation.
    case normal(Double)
    case constant(Double)
  }

  public struct Entry: Sendable {
    public let name: String
    public let shape: [Int]
    /// Elements of the arena.
    public let range: Range<Int>
    public let initialiser: Initialiser
    /// Whether weight decay applies: matrices yes, norms and biases no.
    public let decays: Bool
    /// Whether it is the matrix of a linear layer, which an adapter of low rank can stand beside.
    public let isLinear: Bool

    /// The module that the tensor belongs to, where it is the module's weight; otherwise the tensor's own name.
    public var layer: String { name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name }

    /// Bytes of the tensor in a frozen arena that is not mapped: matrices rounded in bf16, all else in single precision.
    public func frozenBytes(_ precision: Precision) -> Int { (decays && precision == .bf16 ? 2 : 4) * range.count }

    /// Fills a tensor of this shape, from a stream keyed by the seed and the name.
    public func initialise<Element: Scalar>(_ tensor: Tensor<Element>, seed: UInt64) {
      switch initialiser {
      case .constant(let value): tensor.fill(Element(value))
      case .normal(let deviation):
        var random = CounterRandom(seed: seed, purpose: "weights \(name)")
        for index in 0..<tensor.count { tensor[index] = Element(deviation * random.normal()) }
      }
    }
  }

  public private(set) var entries: [Entry] = []
  /// Indices of the entries in the order in which forward uses them: a tensor that two places use is there twice.
  public private(set) var uses: [Int] = []
  /// Length of the arena in elements; every tensor starts at a multiple of 16 (one cache line of floats).
  public private(set) var count = 0

  public init() {}

  /// Appends a tensor. - Precondition: the name is new.
  public mutating func add(_ name: String, _ shape: [Int], _ initialiser: Initialiser, isLinear: Bool = false) {
    precondition(!entries.contains { $0.name == name }, "\(name) is declared twice")
    let length = shape.reduce(1, *)
    entries.append(
      Entry(
        name: name, shape: shape, range: count..<count + length, initialiser: initialiser, decays: shape.count > 1,
        isLinear: isLinear))
    uses.append(entries.count - 1)
    count += Self.padded(length)
  }

  /// Says that forward uses a tensor once more here, behind all that are declared so far, as a tied head does.
  ///
  /// - Precondition: the tensor was declared.
  public mutating func addLaterUse(_ name: String) {
    guard let index = entries.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("\(name) is used before it is declared")
    }
    uses.append(index)
  }

  /// A length rounded up to a whole cache line of floats.
  static func padded(_ length: Int) -> Int { (length + 15) / 16 * 16 }

  /// The uses in forward order, each with whether it is the tensor's first.
  public var usedEntries: [(entry: Entry, isFirst: Bool)] {
    var seen = Set<Int>()
    return uses.map { (entries[$0], seen.insert($0).inserted) }
  }

  /// The layout of some of the tensors, in the same order.
  public func keeping(_ isKept: (Entry) -> Bool) -> ParameterLayout {
    var result = ParameterLayout()
    for (entry, isFirst) in usedEntries where isKept(entry) {
      if isFirst {
        result.add(entry.name, entry.shape, entry.initialiser, isLinear: entry.isLinear)
      } else {
        result.addLaterUse(entry.name)
      }
    }
    return result
  }
}
