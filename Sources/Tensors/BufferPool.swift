/// Lends out tensor memory and takes it back when the tensor is let go of, so that a steady step allocates nothing.
///
/// Memory returns through reference counting: there is nothing to free by hand. Not thread-safe; each rank has its own.
/// - Complexity: O(1) per tensor.
public final class BufferPool<Element: TensorElement> {
  fileprivate let shelf: MemoryShelf
  /// Memory taken from the system so far, in bytes: the peak, since nothing is given back before the pool ends.
  public var bytesHeld: Int { shelf.bytesHeld }
  /// How often memory had to be taken from the system.
  public var misses: Int { shelf.misses }

  public init() { shelf = MemoryShelf() }

  /// A pool of another element type that lends out the same memory.
  public init<Other>(sharing other: BufferPool<Other>) { shelf = other.shelf }

  /// A tensor with undefined contents.
  public func tensor(_ shape: [Int]) -> Tensor<Element> {
    let capacity = MemoryShelf.sizeClass(shape.reduce(1, *))
    let memory = shelf.take(bytes: capacity * MemoryLayout<Element>.stride)
    let storage = Storage(
      base: memory.bindMemory(to: Element.self, capacity: capacity), capacity: capacity, home: .shelf(shelf))
    return Tensor(storage: storage, offset: 0, shape: shape)
  }
}

extension BufferPool where Element: Scalar {
  /// A tensor of zeros.
  public func zeros(_ shape: [Int]) -> Tensor<Element> {
    let result = tensor(shape)
    result.fill(0)
    return result
  }
}

/// The memory of a pool that no tensor uses at the moment, by size; it lives as long as the pool or a tensor from it.
final class MemoryShelf {
  /// A cache line.
  static let alignment = 64

  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  private(set) var bytesHeld = 0
  private(set) var misses = 0

  deinit { free.values.joined().forEach { $0.deallocate() } }

  func take(bytes: Int) -> UnsafeMutableRawPointer {
    if let reused = free[bytes]?.popLast() { return reused }
    misses += 1
    bytesHeld += bytes
    return UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: Self.alignment)
  }

  func put(_ memory: UnsafeMutableRawPointer, bytes: Int) { free[bytes, default: []].append(memory) }

  /// The count rounded up so that at most an eighth is wasted and lengths that differ a little share memory.
  static func sizeClass(_ count: Int) -> Int {
    guard count > 64 else { return 64 }
    let step = 1 << max(3, Int.bitWidth - (count - 1).leadingZeroBitCount - 4)
    return (count + step - 1) / step * step
  }
}
