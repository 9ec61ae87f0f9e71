import Autograd
import Tensors

/// Memory that the frozen weights of a model folder take, in bytes.
public struct FrozenMemory: Equatable, Sendable {
  /// In the mapped files, which the processes of a node share.
  public internal(set) var shared = 0
  /// Of each process's own.
  public internal(set) var own = 0
  /// Of the largest matrix, in the form that a product converts it to; 0 where all are in that form.
  public internal(set) var conversion = 0
  /// Of the largest matrix kept in sixteen bits, in single precision; 0 where there is none.
  public internal(set) var widened = 0

  /// What a frozen arena takes that is not read from files.
  public init(random part: ParameterLayout, precision: Precision) {
    for entry in part.entries { add(entry, mapped: nil, precision) }
  }

  init() {}

  /// - Parameter mapped: the weights in a mapped file; nil for a copy.
  mutating func add(_ entry: ParameterLayout.Entry, mapped: KeptWeights<Float>?, _ precision: Precision) {
    if let mapped {
      shared += mapped.bytesPerElement * entry.range.count
    } else {
      own += entry.frozenBytes(precision)
    }
    guard entry.decays else { return }
    let isRounded = if case .rounded? = mapped { true } else { mapped == nil && precision == .bf16 }
    let isExact = mapped?.isExact ?? !isRounded
    if !isExact { widened = max(widened, 4 * entry.range.count) }
    let isRead =
      switch precision {
      case .f32: isExact
      case .bf16: isRounded && Precision.isFastInBF16
      }
    guard !isRead else { return }
    let width = precision == .bf16 && Precision.isFastInBF16 ? 2 : 4
    conversion = max(conversion, width * entry.range.count)
  }
}

extension ModelFolder {
  /// A frozen arena with the weights. Matrices stay where they lie in the mapped files, whether stored as BF16, F16 or F32,
  /// and products convert what they take. Vectors, and what is stored as F64 or at an address that does not suit its type,
  /// are copied; with `precision` bf16 matrices among them are rounded to it.
  ///
  /// - Parameters:
  ///   - part: the tensors wanted; nil = all.
  ///   - roundsF32: whether matrices stored as F32 are copied and rounded, too, with `precision` bf16: half the memory.
  ///   - keep: gives a tensor that is copied, and how to make it, the place where it stays.
  /// - Throws: `UserError` naming a tensor with an infinite value or one that is not a number.
  public func frozenArena(
    precision: Precision = .f32, part: ParameterLayout? = nil, roundsF32: Bool = false,
    keep: ParameterArena<Float>.Keep = { try $1() }
  ) throws -> ParameterArena<Float> {
    try checkTie()
    return try ParameterArena(frozen: part ?? layout) { entry in
      if let mapped = try mappedWeights(entry, precision, roundsF32: roundsF32) {
        guard mapped.isFinite else { throw infinite(place(of: entry)) }
        return mapped
      }
      return try keep(entry) { KeptWeights(try tensor(entry), of: entry, precision: precision) }
    }
  }

  /// The tensors that `frozenArena` copies. - Throws: nothing that opening the folder would not have thrown.
  public func copiedEntries(
    precision: Precision, part: ParameterLayout, roundsF32: Bool = false
  ) throws -> [ParameterLayout.Entry] {
    try part.entries.filter { try mappedWeights($0, precision, roundsF32: roundsF32) == nil }
  }

  /// A matrix as it lies in its file; nil for what is to be copied.
  private func mappedWeights(
    _ entry: ParameterLayout.Entry, _ precision: Precision, roundsF32: Bool
  ) throws -> KeptWeights<Float>? {
    let stored = place(of: entry)
    guard entry.decays, let result = try KeptWeights<Float>(mapping: stored.name, of: stored.file) else { return nil }
    return result.isExact && roundsF32 && precision == .bf16 ? nil : result
  }

  /// What `frozenArena` takes. - Throws: nothing that opening the folder would not have thrown.
  public func frozenMemory(
    precision: Precision, part: ParameterLayout, roundsF32: Bool = false
  ) throws -> FrozenMemory {
    var result = FrozenMemory()
    for entry in part.entries {
      result.add(entry, mapped: try mappedWeights(entry, precision, roundsF32: roundsF32), precision)
    }
    return result
  }
}
