import Tensors

/// The form in which a tensor's weights are kept. All that are trained are exact; frozen matrices may stay as a file holds
/// them, in memory that the processes of a node share.
public enum KeptWeights<Element: Scalar> {
  /// In the type of the arena.
  case exact(Tensor<Element>)
  /// In bfloat16 alone.
  case rounded(Tensor<BFloat16>)
  /// In half precision alone.
  case half(Tensor<Half>)

  /// A rounded copy of exact weights.
  public init(rounding exact: Tensor<Element>) {
    let rounded = Tensor<BFloat16>(uninitialised: exact.shape)
    rounded.setRounded(exact)
    self = .rounded(rounded)
  }

  /// Exact weights as a frozen arena keeps them: with bf16 a matrix in bfloat16 alone.
  public init(_ exact: Tensor<Element>, of entry: ParameterLayout.Entry, precision: Precision) {
    self = entry.decays && precision == .bf16 ? KeptWeights(rounding: exact) : .exact(exact)
  }

  /// Keyed random numbers for a tensor of a frozen arena, likewise.
  public init(random entry: ParameterLayout.Entry, seed: UInt64, precision: Precision) {
    let exact = Tensor<Element>(uninitialised: entry.shape)
    entry.initialise(exact, seed: seed)
    self.init(exact, of: entry, precision: precision)
  }

  /// Weights as they lie in a mapped file, without a copy; nil for another type, or an address that does not suit it.
  ///
  /// - Throws: `UserError` where the file holds no tensor of this name.
  public init?(mapping name: String, of file: SafetensorsFile) throws {
    if let tensor = try file.mapped(name, as: Element.self) {
      self = .exact(tensor)
    } else if let tensor = try file.mapped(name, as: BFloat16.self) {
      self = .rounded(tensor)
    } else if let tensor = try file.mapped(name, as: Half.self) {
      self = .half(tensor)
    } else {
      return nil
    }
  }

  public var isExact: Bool { if case .exact = self { true } else { false } }

  public var bytesPerElement: Int { isExact ? MemoryLayout<Element>.stride : MemoryLayout<UInt16>.stride }

  /// Whether every number is finite. - Complexity: one pass over the weights.
  public var isFinite: Bool {
    switch self {
    case .exact(let tensor): tensor.sumOfSquares.isFinite
    case .rounded(let tensor): tensor.isFinite
    case .half(let tensor): tensor.isFinite
    }
  }

  /// The numbers in the type of the arena, exactly. - Complexity: a copy unless they are kept so.
  public func exact() -> Tensor<Element> {
    if case .exact(let tensor) = self { tensor } else { copy() }
  }

  /// A copy of the numbers in the type of the arena, exactly.
  public func copy() -> Tensor<Element> {
    switch self {
    case .exact(let tensor): return tensor.copy()
    case .rounded(let tensor):
      let result = Tensor<Element>(uninitialised: tensor.shape)
      result.matrix.setWidened(tensor.matrix)
      return result
    case .half(let tensor):
      let result = Tensor<Element>(uninitialised: tensor.shape)
      result.matrix.setWidened(tensor.matrix)
      return result
    }
  }

  /// The same memory under another shape of equal count.
  func reshaped(_ shape: [Int]) -> KeptWeights {
    switch self {
    case .exact(let tensor): .exact(tensor.reshaped(shape))
    case .rounded(let tensor): .rounded(tensor.reshaped(shape))
    case .half(let tensor): .half(tensor.reshaped(shape))
    }
  }

  /// A side of products, of this shape.
  func operand(_ shape: [Int]) -> Operand<Element> {
    switch self {
    case .exact(let tensor): .exact(tensor.reshaped(shape).matrix)
    case .rounded(let tensor): .rounded(tensor.reshaped(shape).matrix)
    case .half(let tensor): .half(tensor.reshaped(shape).matrix)
    }
  }

  /// Row r of `rows` = row `indices[r]` of the weights, their leading dimensions seen as rows.
  ///
  /// - Parameter rounding: to bfloat16, as products in it round their operands.
  func copyRows(_ indices: [Int], to rows: Tensor<Element>, rounding: Bool) {
    for (place, index) in indices.enumerated() {
      let target = rows.matrix.rows(place..<place + 1)
      switch self {
      case .exact(let tensor) where rounding: target.setRoundedValues(of: tensor.matrix.rows(index..<index + 1))
      case .exact(let tensor): rows.setRow(place, toRow: index, of: tensor)
      case .rounded(let tensor): target.setWidened(tensor.matrix.rows(index..<index + 1))
      case .half(let tensor) where rounding: target.setRoundedValues(of: tensor.matrix.rows(index..<index + 1))
      case .half(let tensor): target.setWidened(tensor.matrix.rows(index..<index + 1))
      }
    }
  }

  func update(_ digest: inout Digest) {
    switch self {
    case .exact(let tensor): digest.update(tensor)
    case .rounded(let tensor): digest.update(tensor)
    case .half(let tensor): digest.update(tensor)
    }
  }
}
