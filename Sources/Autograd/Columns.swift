import Tensors

extension Tape {
  /// Matrices of equal shape side by side: row r of the result is row r of each, one after another.
  ///
  /// parts: k of [n, d], result: [n, k d]. - Precondition: at least one part; the shapes are equal.
  public func joinColumns(_ parts: [Variable<Element>]) -> Variable<Element> {
    if parts.count == 1 { return parts[0] }
    let (rows, columns) = (parts[0].value.rows, parts[0].value.columns)
    precondition(parts.allSatisfy { $0.value.rows == rows && $0.value.columns == columns })
    let count = parts.count
    let y = pool.tensor([rows, count * columns])
    // Seen with d columns, the result holds row r of part j as its row r k + j.
    let cells = y.reshaped([rows * count, columns])
    for (place, part) in parts.enumerated() {
      for row in 0..<rows { cells.setRow(row * count + place, toRow: row, of: part.value) }
    }
    return result(y, needsGradient: parts.contains(where: \.needsGradient)) { [pool] dy in
      let cells = dy.reshaped([rows * count, columns])
      for (place, part) in parts.enumerated() where part.needsGradient {
        let share = pool.tensor(part.shape)
        for row in 0..<rows { share.setRow(row, toRow: row * count + place, of: cells) }
        part.accumulate(share, pool: pool)
      }
    }
  }
}
