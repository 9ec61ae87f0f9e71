import Tensors

/// One backward pass of an arena: brings the operations' contributions into the order of the gradient's pieces.
///
/// Operations form gradients in the reverse of the order of forward, which is the order of the layout, so a contribution
/// mostly goes straight into the sink. One that comes before its turn, or that is not its share's last, waits in memory of
/// its own. Tensors that no operation used have gradient 0.
final class GradientPass<Element: Scalar> {
  private struct State {
    /// Contributions that forward announced, and those that have come.
    var (announced, arrived) = (0, 0)
    /// What has arrived and cannot go into the sink yet; shape of the share as a matrix.
    var waiting: Tensor<Element>?
  }

  private let layout: GradientLayout
  private let sink: any GradientSink<Element>
  private let pool: BufferPool<Element>
  private var states: [State]
  /// By entry of the parameter layout: uses of forward whose contribution has not come.
  private var pendingUses: [Int]
  /// The piece whose turn is next; all behind it are in the sink.
  private var nextPiece: Int
  private var isSettled = false

  init(layout: GradientLayout, sink: any GradientSink<Element>, pool: BufferPool<Element>) {
    self.layout = layout
    self.sink = sink
    self.pool = pool
    states = [State](repeating: State(), count: layout.shares.count)
    pendingUses = [Int](repeating: 0, count: layout.sharesOfEntry.count)
    nextPiece = layout.pieces.count - 1
  }

  /// Announces one use of a tensor in forward; each is answered by one contribution, the last use first.
  func announce(entry: Int) {
    precondition(!isSettled, "a parameter is used after its uses were settled")
    states[share(ofUse: pendingUses[entry], entry: entry)].announced += 1
    pendingUses[entry] += 1
  }

  /// Says that forward is over: what has not been used gets gradient 0 in its turn.
  func settle() {
    isSettled = true
    advance()
  }

  /// Ends the pass; contributions that were announced and never came count as 0.
  func finish() {
    for index in states.indices { states[index].announced = states[index].arrived }
    settle()
    precondition(nextPiece < 0, "piece \(nextPiece) of the gradient was never formed")
  }

  /// Takes one contribution, block of rows by block of rows from the last.
  ///
  /// - Parameter write: fills the given rows; `beta` is 0 to overwrite and 1 to add.
  func contribute(entry: Int, _ write: (_ rows: Range<Int>, _ target: Tensor<Element>, _ beta: Element) -> Void) {
    pendingUses[entry] -= 1
    precondition(pendingUses[entry] >= 0, "a contribution that no use announced")
    let index = share(ofUse: pendingUses[entry], entry: entry)
    let share = layout.shares[index]
    states[index].arrived += 1
    let isDirect = isComplete(index) && states[index].waiting == nil && nextPiece == share.pieces.upperBound - 1
    if isDirect {
      for piece in share.pieces.reversed() {
        let place = layout.pieces[piece]
        write(place.rows, sink.open(piece).reshaped([place.rows.count, share.columns]), 0)
        sink.close(piece)
      }
      nextPiece = share.pieces.lowerBound - 1
    } else {
      let isFirst = states[index].waiting == nil
      let waiting = states[index].waiting ?? pool.tensor([share.range.count / max(1, share.columns), share.columns])
      states[index].waiting = waiting
      for piece in share.pieces.reversed() {
        let rows = layout.pieces[piece].rows
        write(rows, waiting.slice(rows), isFirst ? 0 : 1)
      }
    }
    advance()
  }

  /// The share of the use that `count` uses of the tensor came before; any beyond the last share add to that.
  private func share(ofUse count: Int, entry: Int) -> Int {
    let shares = layout.sharesOfEntry[entry]
    return shares[min(count, shares.count - 1)]
  }

  private func isComplete(_ share: Int) -> Bool { isSettled && states[share].arrived == states[share].announced }

  /// Hands on everything whose turn has come.
  private func advance() {
    while nextPiece >= 0 {
      let index = layout.pieces[nextPiece].share
      guard isComplete(index) else { return }
      let share = layout.shares[index]
      for piece in share.pieces.reversed() {
        let target = sink.open(piece)
        if let waiting = states[index].waiting {
          target.copy(from: waiting.slice(layout.pieces[piece].rows).reshaped(target.shape))
        } else {
          target.fill(0)
        }
        sink.close(piece)
      }
      states[index].waiting = nil
      nextPiece = share.pieces.lowerBound - 1
    }
  }
}

extension Parameter {
  /// Announces one use in forward; each is answered by one `contribute` in backward.
  ///
  /// - Precondition: between the arena's `beginBackward` and the end of forward.
  func use() {
    guard isTrainable, let arena else { return }
    arena.currentPass.announce(entry: index)
  }

  /// Keeps the gradient open for the shares of several tapes, until `closeShares`, before it is handed out.
  ///
  /// - Precondition: between the arena's `beginBackward` and the end of forward.
  public func openShares() { use() }

  /// Ends what `openShares` began; without any share the gradient is 0.
  public func closeShares() {
    contribute { _, target, beta in
      if beta == 0 { target.fill(0) }
    }
  }

  /// Adds one use's share to the gradient, block of rows by block of rows from the last.
  ///
  /// - Parameter write: fills the given rows of the gradient, seen as a matrix, a vector as one row; `beta` is 0 to
  ///   overwrite and 1 to add.
  func contribute(_ write: (_ rows: Range<Int>, _ target: Tensor<Element>, _ beta: Element) -> Void) {
    guard isTrainable, let arena else { return }
    arena.currentPass.contribute(entry: index, write)
  }

  /// Like `contribute`, for shares that are added to a vector.
  func contributeSum(_ add: (Tensor<Element>) -> Void) {
    contribute { _, target, beta in
      if beta == 0 { target.fill(0) }
      add(target.reshaped([target.count]))
    }
  }
}
