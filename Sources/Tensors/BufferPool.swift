/// Lends out tensor memory and takes it back when the tensor is let go of, so that a steady step allocates nothing.
///
/// Memory returns through reference counting: there is nothing to free by hand. Not thread-safe; each rank has its own.
/// - Complexity: O(1) per small tensor, linear in the free pieces per large one.
public final class BufferPool<Element: TensorElement> {
  fileprivate let shelf: MemoryShelf
  /// Memory taken from the system so far, in bytes: what tensors held at their peak.
  public var bytesHeld: Int { shelf.bytesHeld }
  /// How often memory had to be taken from the system.
  public var misses: Int { shelf.misses }

  public init() { shelf = MemoryShelf() }

  /// A pool of another element type that lends out the same memory.
  public init<Other>(sharing other: BufferPool<Other>) { shelf = other.shelf }

  /// A tensor with undefined contents.
  public func tensor(_ shape: [Int]) -> Tensor<Element> {
    let count = shape.reduce(1, *)
    let stride = MemoryLayout<Element>.stride
    let capacity = count * stride < MemoryShelf.large ? MemoryShelf.sizeClass(count) : count
    let memory = shelf.take(bytes: capacity * stride)
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

/// The memory of a pool; it lives as long as the pool or a tensor from it.
///
/// Small pieces are kept by size. Large ones are cut from slabs, best fit first, and grow together again when neighbours
/// are free: what one part of a step has left serves another, whatever the sizes.
final class MemoryShelf {
  /// A cache line.
  static let alignment = 64
  /// Bytes from which a piece is cut from a slab.
  static let large = 1 << 18

  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  private var slabs = Slabs()
  private(set) var bytesHeld = 0
  private(set) var misses = 0

  deinit {
    free.values.joined().forEach { $0.deallocate() }
    slabs.deallocate()
  }

  func take(bytes: Int) -> UnsafeMutableRawPointer {
    if bytes >= Self.large {
      if let fitting = slabs.take(bytes: bytes) { return fitting }
    } else if let reused = free[bytes]?.popLast() {
      return reused
    }
    misses += 1
    bytesHeld += bytes
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: Self.alignment)
    if bytes >= Self.large { slabs.add(memory, bytes: bytes) }
    return memory
  }

  func put(_ memory: UnsafeMutableRawPointer, bytes: Int) {
    if bytes >= Self.large {
      slabs.put(memory)
    } else {
      free[bytes, default: []].append(memory)
    }
  }

  /// The count rounded up so that at most an eighth is wasted and lengths that differ a little share memory.
  static func sizeClass(_ count: Int) -> Int {
    guard count > 64 else { return 64 }
    let step = 1 << max(3, Int.bitWidth - (count - 1).leadingZeroBitCount - 4)
    return (count + step - 1) / step * step
  }
}

/// Large stretches of memory, each cut into pieces that are lent out or free.
private struct Slabs {
  private final class Piece {
    let memory: UnsafeMutableRawPointer
    var bytes: Int
    var isFree = false
    unowned(unsafe) var before: Piece?
    unowned(unsafe) var after: Piece?

    init(_ memory: UnsafeMutableRawPointer, bytes: Int) {
      self.memory = memory
      self.bytes = bytes
    }

    /// Whether to take this one of two that are large enough: the smaller; the address decides between equals, so that
    /// every step is served alike.
    func serves(better other: Piece) -> Bool {
      bytes != other.bytes ? bytes < other.bytes : memory < other.memory
    }
  }

  /// All pieces by where they begin; each is kept alive here.
  private var pieces: [UnsafeMutableRawPointer: Piece] = [:]
  private var free: [UnsafeMutableRawPointer: Piece] = [:]
  private var starts: [UnsafeMutableRawPointer] = []

  /// Takes up new memory, lent out whole.
  mutating func add(_ memory: UnsafeMutableRawPointer, bytes: Int) {
    pieces[memory] = Piece(memory, bytes: bytes)
    starts.append(memory)
  }

  /// The smallest free piece that is large enough, cut to size; nil where there is none.
  /// - Complexity: linear in the free pieces, of which there are at most a few hundred.
  mutating func take(bytes: Int) -> UnsafeMutableRawPointer? {
    var best: Piece?
    for piece in free.values where piece.bytes >= bytes {
      guard let known = best else {
        best = piece
        continue
      }
      if piece.serves(better: known) { best = piece }
    }
    guard let piece = best else { return nil }
    free[piece.memory] = nil
    piece.isFree = false
    let kept = (bytes + MemoryShelf.alignment - 1) / MemoryShelf.alignment * MemoryShelf.alignment
    if piece.bytes - kept >= MemoryShelf.large {
      let rest = Piece(piece.memory + kept, bytes: piece.bytes - kept)
      (rest.before, rest.after) = (piece, piece.after)
      piece.after?.before = rest
      piece.after = rest
      piece.bytes = kept
      rest.isFree = true
      pieces[rest.memory] = rest
      free[rest.memory] = rest
    }
    return piece.memory
  }

  mutating func put(_ memory: UnsafeMutableRawPointer) {
    guard var piece = pieces[memory] else { preconditionFailure("memory that no slab holds") }
    piece.isFree = true
    if let after = piece.after, after.isFree { join(piece, after) }
    if let before = piece.before, before.isFree {
      join(before, piece)
      piece = before
    }
    free[piece.memory] = piece
  }

  private mutating func join(_ piece: Piece, _ after: Piece) {
    piece.bytes += after.bytes
    piece.after = after.after
    after.after?.before = piece
    free[after.memory] = nil
    pieces[after.memory] = nil
  }

  func deallocate() { starts.forEach { $0.deallocate() } }
}
