import Tensors

/// One flat memory of floats that its owner keeps alive: an arena of weights or gradients.
///
/// The collectives send from it and receive into it directly; copies share the memory. Tensors of floats conform, so that no
/// other layer handles pointers.
public protocol FlatMemory {
  /// The number of floats.
  var count: Int { get }
  func withUnsafeMutableBufferPointer<R>(_ body: (UnsafeMutableBufferPointer<Float>) throws -> R) rethrows -> R
}

extension Tensor: FlatMemory where Element == Float {}

/// A flat memory on the heap.
public final class HeapMemory: FlatMemory {
  private let memory: UnsafeMutableBufferPointer<Float>

  /// Zeros.
  public init(count: Int) {
    memory = .allocate(capacity: count)
    memory.initialize(repeating: 0)
  }

  public convenience init(_ values: [Float]) {
    self.init(count: values.count)
    self.values = values
  }

  deinit { memory.deallocate() }

  public var count: Int { memory.count }

  /// The contents, copied. - Precondition: as many values as before are set.
  public var values: [Float] {
    get { Array(memory) }
    set {
      precondition(newValue.count == count, "the size of a flat memory is fixed")
      _ = memory.update(fromContentsOf: newValue)
    }
  }

  public func withUnsafeMutableBufferPointer<R>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> R
  ) rethrows -> R { try body(memory) }
}
