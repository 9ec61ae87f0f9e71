import Tensors

/// Keys (rotated) and values of the tokens seen so far, per layer and sequence, for generation one token at a time.
public final class KeyValueCache<Element: Scalar> {
  /// Tokens a sequence may have.
  public let capacity: Int
  /// Tokens of each slot so far.
  public private(set) var lengths: [Int]
  /// Slots that the sequences of the next forward continue, in their order; at first all of them.
  public var active: [Int]
  fileprivate let heads: Int
  private let keys: [Tensor<Element>]
  private let values: [Tensor<Element>]

  /// - Complexity: 2 layers sequences capacity heads width elements.
  public init(layers: Int, sequences: Int, capacity: Int, heads: Int, width: Int) {
    self.capacity = capacity
    self.heads = heads
    lengths = [Int](repeating: 0, count: sequences)
    active = Array(0..<sequences)
    keys = (0..<layers).map { _ in Tensor(uninitialised: [sequences, capacity, heads * width]) }
    values = (0..<layers).map { _ in Tensor(uninitialised: [sequences, capacity, heads * width]) }
  }

  /// Appends one sequence's rows and returns all rows of its slot. The lengths advance with the last layer.
  fileprivate func append(
    _ k: Tensor<Element>, _ v: Tensor<Element>, layer: Int, slot: Int
  ) -> (keys: Tensor<Element>, values: Tensor<Element>) {
    let start = lengths[slot]
    let end = start + k.rows
    precondition(end <= capacity, "\(end) tokens in a cache of \(capacity)")
    func place(_ memory: [Tensor<Element>], _ rows: Tensor<Element>) -> Tensor<Element> {
      let all = memory[layer].reshaped([lengths.count * capacity, rows.columns])
      all.slice(slot * capacity + start..<slot * capacity + end).copy(from: rows)
      return all.slice(slot * capacity..<slot * capacity + end)
    }
    let result = (place(keys, k), place(values, v))
    if layer == keys.count - 1 { lengths[slot] = end }
    return result
  }
}

extension Tape {
  /// Causal attention of new rows to all rows of their sequences: appends k and v to the cache, then attends.
  ///
  /// q: [sequences.total, heads * width], k, v: [sequences.total, key-value heads * width]; sequence i continues the
  /// slot `cache.active[i]`. A single new row takes a loop of its own, which differs from the products by rounding.
  /// Not differentiable. - Precondition: the tape does not record; the cache has room.
  public func attention(
    _ q: Variable<Element>, appending k: Variable<Element>, _ v: Variable<Element>, to cache: KeyValueCache<Element>,
    layer: Int, heads: Int, sequences: Segments
  ) -> Variable<Element> {
    precondition(!isRecording, "a cache is for generation")
    precondition(sequences.count == cache.active.count, "\(sequences.count) sequences, \(cache.active.count) slots")
    let output = pool.tensor(q.shape)
    for (index, slot) in cache.active.enumerated() {
      let rows = sequences[index]
      let stored = cache.append(k.value.slice(rows), v.value.slice(rows), layer: layer, slot: slot)
      if rows.count == 1, products.precision == .f32 {
        output.slice(rows).setAttention(
          of: q.value.slice(rows), keys: stored.keys, values: stored.values, heads: heads, keyHeads: cache.heads,
          scratch: pool.tensor([stored.keys.rows]))
        continue
      }
      let attended = attention(
        constant(q.value.slice(rows)), constant(stored.keys), constant(stored.values), heads: heads,
        keyValueHeads: cache.heads, queries: Segments(lengths: [rows.count]),
        keys: Segments(lengths: [stored.keys.rows]), mask: AttentionMask(causal: true))
      output.slice(rows).copy(from: attended.value)
    }
    return constant(output)
  }
}
