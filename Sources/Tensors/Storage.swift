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
