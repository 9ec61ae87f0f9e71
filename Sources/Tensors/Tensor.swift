/// A dense row-major array of numbers: a shape over shared memory.
///
/// Copies of a tensor and the views taken from it share the memory, as in PyTorch; `copy()` does not. The last
/// dimension is contiguous and the leading ones collapse to the rows of `matrix`.
public struct Tensor<Element: TensorElement> {
  /// Extent of every dimension; empty for a scalar.
  public let shape: [Int]
  /// Number of elements: the product of the shape.
  public let count: Int
  /// Product of all dimensions but the last.
  public let rows: Int
  let storage: Storage<Element>
  let offset: Int

  init(storage: Storage<Element>, offset: Int, shape: [Int]) {
    var (rows, last) = (1, 1)
    for extent in shape { (rows, last) = (rows * last, extent) }
    let count = rows * last
    precondition(offset >= 0 && offset + count <= storage.capacity, "a view of \(shape) does not fit its memory")
    self.storage = storage
    self.offset = offset
    self.shape = shape
    self.count = count
    self.rows = rows
  }

  /// Memory of its own with undefined contents.
  public init(uninitialised shape: [Int]) {
    self.init(storage: Storage(capacity: shape.reduce(1, *)), offset: 0, shape: shape)
  }

  /// A copy of `values` in row-major order. - Precondition: the shape holds as many elements as there are values.
  public init(_ values: [Element], _ shape: [Int]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values do not fill \(shape)")
    self.init(uninitialised: shape)
    copy(from: values)
  }

  /// Memory that belongs to someone else, such as a window shared by the ranks of a node; `owner` is kept alive.
  public init(borrowing base: UnsafeMutablePointer<Element>, shape: [Int], owner: AnyObject) {
    let capacity = shape.reduce(1, *)
    self.init(
      storage: Storage(base: base, capacity: capacity, home: .owner(owner)), offset: 0, shape: shape)
  }

  var base: UnsafeMutablePointer<Element> { storage.base + offset }

  /// Extent of the last dimension; 1 for a scalar.
  public var columns: Int { shape.last ?? 1 }

  /// Element at a flat row-major index.
  public subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "index \(index) is outside a tensor of \(count)")
      return base[index]
    }
    nonmutating set {
      precondition(index >= 0 && index < count, "index \(index) is outside a tensor of \(count)")
      base[index] = newValue
    }
  }

  /// The elements as an array, in row-major order.
  public var array: [Element] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// The same memory under another shape of equal count.
  public func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "\(self.shape) cannot be seen as \(shape)")
    return Tensor(storage: storage, offset: offset, shape: shape)
  }

  /// `length` elements from `start` of the flat memory, as a vector that shares it.
  public func range(_ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) is outside a tensor of \(count)")
    return Tensor(storage: storage, offset: offset + range.lowerBound, shape: [range.count])
  }

  /// Rows of the first dimension, sharing the memory.
  public func slice(_ range: Range<Int>) -> Tensor {
    precondition(!shape.isEmpty && range.lowerBound >= 0 && range.upperBound <= shape[0], "\(range) of \(shape)")
    let inner = shape.dropFirst().reduce(1, *)
    return Tensor(storage: storage, offset: offset + range.lowerBound * inner, shape: [range.count] + shape.dropFirst())
  }

  /// An independent copy.
  public func copy() -> Tensor {
    let result = Tensor(uninitialised: shape)
    result.copy(from: self)
    return result
  }

  /// Overwrites the elements with those of another tensor of equal count; the two may be the same memory.
  public func copy(from other: Tensor) {
    precondition(other.count == count, "\(other.shape) cannot fill \(shape)")
    base.update(from: other.base, count: count)
  }

  /// Overwrites the elements with an array of equal count.
  public func copy(from values: [Element]) {
    precondition(values.count == count, "\(values.count) values cannot fill \(shape)")
    values.withUnsafeBufferPointer { if let source = $0.baseAddress { base.update(from: source, count: count) } }
  }

  /// Reads or writes the memory in place. Only for targets that hold unsafe pointers by design.
  public func withUnsafeMutableBufferPointer<R>(_ body: (UnsafeMutableBufferPointer<Element>) throws -> R) rethrows -> R
  {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeMutableBufferPointer(start: base, count: count))
  }

  /// The leading dimensions collapsed to rows.
  public var matrix: Matrix<Element> {
    Matrix(storage: storage, offset: offset, rows: rows, columns: columns, stride: columns)
  }
}

extension Tensor where Element: Scalar {
  /// Memory of its own, all zero.
  public init(zeros shape: [Int]) {
    self.init(uninitialised: shape)
    fill(0)
  }

  public func fill(_ value: Element) { base.fill(value, count: count) }

  /// Converts every element to another scalar type.
  public func converted<Other: Scalar>(to type: Other.Type) -> Tensor<Other> {
    let result = Tensor<Other>(uninitialised: shape)
    for index in 0..<count { result.base[index] = Other(base[index]) }
    return result
  }

  /// Whether every element is 0.
  public var isZero: Bool { (0..<count).allSatisfy { base[$0] == 0 } }
}

/// A two-dimensional view with a row stride: a head's columns of a wider matrix, or a block of rows.
public struct Matrix<Element: TensorElement> {
  public let rows: Int
  public let columns: Int
  /// Elements from one row's start to the next.
  public let stride: Int
  let storage: Storage<Element>
  let offset: Int

  init(storage: Storage<Element>, offset: Int, rows: Int, columns: Int, stride: Int) {
    self.storage = storage
    self.offset = offset
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  var base: UnsafeMutablePointer<Element> { storage.base + offset }

  /// A block of rows.
  public func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return Matrix(
      storage: storage, offset: offset + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// A block of columns.
  public func columns(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
    return Matrix(
      storage: storage, offset: offset + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  public subscript(row: Int, column: Int) -> Element {
    get {
      precondition(
        row >= 0 && row < rows && column >= 0 && column < columns, "[\(row), \(column)] of [\(rows), \(columns)]")
      return base[row * stride + column]
    }
    nonmutating set {
      precondition(
        row >= 0 && row < rows && column >= 0 && column < columns, "[\(row), \(column)] of [\(rows), \(columns)]")
      base[row * stride + column] = newValue
    }
  }
}
