/// A flat memory of elements, aligned to cache lines, freed or returned to its pool when the last tensor lets go of it.
///
/// This file and its neighbours in `Tensors` are where unsafe pointers live; everything above works with `Tensor`.
final class Storage<Element: TensorElement> {
  /// Whose the memory is.
  enum Home {
    /// Nobody else's: freed at the end.
    case own
    /// A pool's, to which it returns.
    case shelf(MemoryShelf)
    /// Another object's, which is kept alive.
    case owner(AnyObject)
  }

  let base: UnsafeMutablePointer<Element>
  let capacity: Int
  let home: Home

  init(base: UnsafeMutablePointer<Element>, capacity: Int, home: Home) {
    self.base = base
    self.capacity = capacity
    self.home = home
  }

  /// Fresh memory with undefined contents.
  convenience init(capacity: Int) {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, capacity) * MemoryLayout<Element>.stride, alignment: MemoryShelf.alignment)
    self.init(base: memory.bindMemory(to: Element.self, capacity: max(1, capacity)), capacity: capacity, home: .own)
  }

  deinit {
    switch home {
    case .own: UnsafeMutableRawPointer(base).deallocate()
    case .shelf(let shelf): shelf.put(UnsafeMutableRawPointer(base), bytes: capacity * MemoryLayout<Element>.stride)
    case .owner: break
    }
  }
}

extension UnsafeMutablePointer where Pointee: Scalar {
  /// Overwrites `count` elements. Zero, by far the most frequent value, is a plain memset: the element by element loop
  /// of generic code is many times slower.
  func fill(_ value: Pointee, count: Int) {
    if value == 0, value.sign == .plus {
      UnsafeMutableRawPointer(self).initializeMemory(
        as: UInt8.self, repeating: 0, count: count * MemoryLayout<Pointee>.stride)
    } else {
      update(repeating: value, count: count)
    }
  }
}
