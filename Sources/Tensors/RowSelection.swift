extension Tensor where Element: Scalar {
  /// Column of the largest element of a row; the first of equal ones. NaN is never the largest.
  public func columnOfLargest(row: Int) -> Int {
    precondition(row >= 0 && row < rows && columns > 0, "row \(row) of \(shape)")
    let values = base + row * columns
    var best = 0
    for column in 1..<max(1, columns) where values[column] > values[best] || values[best].isNaN { best = column }
    return best
  }
}
