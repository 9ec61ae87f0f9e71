/// A flat memory of elements, aligned to cache lines, freed or returned to its pool when the last tensor lets go of it.
///
/// This file and its neighbours in `Tensors` are where unsafe pointers live; everything above works with `Tensor`.
final class Storage<Element: Scalar> {
  let base: UnsafeMutablePointer<Element>
  let capacity: Int
  private let release: (UnsafeMutablePointer<Element>, Int) -> Void

  init(
    base: UnsafeMutablePointer<Element>, capacity: Int,
    release: @escaping (UnsafeMutablePointer<Element>, Int) -> Void
  ) {
    self.base = base
    self.capacity = capacity
    self.release = release
  }

  /// Fresh memory with undefined contents.
  convenience init(capacity: Int) {
    self.init(base: Self.allocate(capacity), capacity: capacity) { base, _ in
      UnsafeMutableRawPointer(base).deallocate()
    }
  }

  static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Element> {
    UnsafeMutableRawPointer.allocate(byteCount: max(1, capacity) * MemoryLayout<Element>.stride, alignment: 64)
      .bindMemory(to: Element.self, capacity: max(1, capacity))
  }

  deinit { release(base, capacity) }
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
