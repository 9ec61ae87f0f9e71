extension Tensor where Element: Scalar {
  /// self = one row of queries attending to all rows of keys and values: head h = softmax(q_h K_g^T / sqrt(width)) V_g,
  /// where query head h reads key-value head g = h / (heads / keyHeads).
  ///
  /// q: [1, heads * width], keys: [n, keyHeads * width], values: [n, keyHeads * width of values],
  /// self: [1, heads * width of values], scratch: n numbers.
  /// - Complexity: 4 n heads width, without a call into a product library.
  public func setAttention(
    of q: Tensor, keys: Tensor, values: Tensor, heads: Int, keyHeads: Int, scratch: Tensor
  ) {
    let (width, valueWidth) = (keys.columns / keyHeads, values.columns / keyHeads)
    precondition(q.count == heads * width && count == heads * valueWidth && heads % keyHeads == 0)
    precondition(keys.rows == values.rows && keys.rows > 0 && scratch.count >= keys.rows)
    Element.kernels.attendRow(
      heads, keyHeads, width, valueWidth, keys.rows, 1 / Element(width).squareRoot(), q.base, keys.base, keys.columns,
      values.base, values.columns, scratch.base, base)
  }
}
