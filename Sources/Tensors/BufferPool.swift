/// Lends out tensor memory and takes it back when the tensor is let go of, so that a steady step allocates nothing.
///
/// Memory returns through reference counting: there is nothing to free by hand. Not thread-safe; each rank has its own.
/// - Complexity: O(1) per tensor.
public final class BufferPool<Element: Scalar> {
  private var free: [Int: [UnsafeMutablePointer<Element>]] = [:]
  /// Memory taken from the system so far, in bytes: the peak, since nothing is given back before the pool ends.
  public private(set) var bytesHeld = 0
  /// How often memory had to be taken from the system.
  public private(set) var misses = 0

  public init() {}

  deinit { free.values.joined().forEach { UnsafeMutableRawPointer($0).deallocate() } }

  /// A tensor with undefined contents.
  public func tensor(_ shape: [Int]) -> Tensor<Element> {
    let capacity = Self.sizeClass(shape.reduce(1, *))
    let base: UnsafeMutablePointer<Element>
    if let reused = free[capacity]?.popLast() {
      base = reused
    } else {
      base = Storage<Element>.allocate(capacity)
      misses += 1
      bytesHeld += capacity * MemoryLayout<Element>.stride
    }
    let storage = Storage(base: base, capacity: capacity) { [weak self] base, capacity in
      if let self {
        self.free[capacity, default: []].append(base)
      } else {
        UnsafeMutableRawPointer(base).deallocate()
      }
    }
    return Tensor(storage: storage, offset: 0, shape: shape)
  }

  /// A tensor of zeros.
  public func zeros(_ shape: [Int]) -> Tensor<Element> {
    let result = tensor(shape)
    result.fill(0)
    return result
  }

  /// The count rounded up so that at most an eighth is wasted and lengths that differ a little share memory.
  static func sizeClass(_ count: Int) -> Int {
    guard count > 64 else { return 64 }
    let step = 1 << max(3, Int.bitWidth - (count - 1).leadingZeroBitCount - 4)
    return (count + step - 1) / step * step
  }
}
