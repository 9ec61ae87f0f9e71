import Tensors

extension Tape {
  /// The same numbers under another shape.
  public func reshape(_ x: Variable<Element>, _ shape: [Int]) -> Variable<Element> {
    let input = x.cotangent
    return result(x.value.reshaped(shape), needsGradient: input.isWanted) { [pool] dy in
      input.accumulate(dy, owned: false, pool: pool)
    }
  }

  /// Row r of the result is row `indices[r]` of x; rows may repeat.
  ///
  /// x: [n, d], result: [indices.count, d]. - Precondition: 0 <= index < n.
  public func gatherRows(_ x: Variable<Element>, _ indices: [Int]) -> Variable<Element> {
    let columns = x.value.columns
    let y = pool.tensor([indices.count, columns])
    for (row, index) in indices.enumerated() { y.setRow(row, toRow: index, of: x.value) }
    let input = x.cotangent
    return result(y, needsGradient: input.isWanted) { [pool] dy in
      let dx = pool.zeros(input.shape)
      for (row, index) in indices.enumerated() { dx.addToRow(index, row: row, of: dy) }
      input.accumulate(dx, pool: pool)
    }
  }

  /// x with row `indices[r]` overwritten by row r of `rows`, as masked_scatter puts image features among text embeddings.
  ///
  /// x: [n, d], rows: [indices.count, d]. - Precondition: the indices are distinct.
  public func replaceRows(_ x: Variable<Element>, at indices: [Int], by rows: Variable<Element>) -> Variable<Element> {
    precondition(indices.count == rows.value.rows, "\(rows.value.rows) rows for \(indices.count) places")
    let y = pool.tensor(x.shape)
    y.copy(from: x.value)
    for (row, index) in indices.enumerated() { y.setRow(index, toRow: row, of: rows.value) }
    let (input, source) = (x.cotangent, rows.cotangent)
    return result(y, needsGradient: input.isWanted || source.isWanted) { [pool] dy in
      if source.isWanted {
        let share = pool.tensor(source.shape)
        for (row, index) in indices.enumerated() { share.setRow(row, toRow: index, of: dy) }
        source.accumulate(share, pool: pool)
      }
      if input.isWanted {
        let share = pool.tensor(input.shape)
        share.copy(from: dy)
        for index in indices { share.slice(index..<index + 1).fill(0) }
        input.accumulate(share, pool: pool)
      }
    }
  }

  /// Rows of a table: token or position embeddings. table: [vocabulary, d], result: [ids.count, d].
  ///
  /// With products in bfloat16 those of a frozen matrix are rounded to it, so that its form changes nothing.
  /// - Precondition: every id is a row of the table.
  public func embedding(_ ids: [Int], _ table: Parameter<Element>) -> Variable<Element> {
    let columns = table.columns
    let y = pool.tensor([ids.count, columns])
    let rounding = products.precision == .bf16 && !table.isTrainable && table.entry.decays
    table.kept.copyRows(ids, to: y, rounding: rounding)
    let trains = uses(table)
    return result(y, needsGradient: trains) { dy in
      table.contribute { rows, target, beta in
        if beta == 0 { target.fill(0) }
        for (row, id) in ids.enumerated() where rows.contains(id) {
          target.addToRow(id - rows.lowerBound, row: row, of: dy)
        }
      }
    }
  }
}
