import Autograd
import Cluster
import Tensors

/// Hands the pieces of a shard's gradient to a fold, bucket by bucket.
///
/// Backward cannot throw: the first failure is kept, and what comes after it goes nowhere.
final class FoldSink: GradientSink {
  private let fold: OrderedFold
  private let round: Int
  private let layout: GradientLayout
  /// Where a piece lies in what is folded; nil for one that is not.
  private let place: (Int) -> Range<Int>?
  private var bucket: (index: Int, memory: Tensor<Float>)?
  /// For pieces that are not folded.
  private var scratch: Tensor<Float>?
  private var failure: (any Error)?

  /// A sink that folds the whole gradient.
  convenience init(_ fold: OrderedFold, round: Int, layout: GradientLayout) {
    self.init(fold, round: round, layout: layout) { layout.pieces[$0].range }
  }

  /// - Parameter place: descending, as the pieces come.
  init(_ fold: OrderedFold, round: Int, layout: GradientLayout, place: @escaping (Int) -> Range<Int>?) {
    self.fold = fold
    self.round = round
    self.layout = layout
    self.place = place
  }

  func open(_ piece: Int) -> Tensor<Float> {
    guard failure == nil, let range = place(piece) else { return unused(layout.pieces[piece].range.count) }
    do {
      let index = fold.layout.bucket(ofFloat: range.lowerBound)
      let memory = try bucket.flatMap { $0.index == index ? $0.memory : nil } ?? fold.open(index, inRound: round)
      bucket = (index, memory)
      let start = fold.layout.buckets[index].lowerBound
      return memory.range(range.lowerBound - start..<range.upperBound - start)
    } catch {
      failure = error
      return unused(range.count)
    }
  }

  func close(_ piece: Int) {
    guard failure == nil, let range = place(piece), let bucket else { return }
    guard range.lowerBound == fold.layout.buckets[bucket.index].lowerBound else { return }
    self.bucket = nil
    do { try fold.close(bucket.index, inRound: round) } catch { failure = error }
  }

  /// Does what can be done of the fold without waiting.
  func progress() {
    guard failure == nil else { return }
    do { _ = try fold.progress() } catch { failure = error }
  }

  /// Throws what went wrong on the way.
  func check() throws {
    if let failure { throw failure }
  }

  private func unused(_ count: Int) -> Tensor<Float> {
    if let scratch, scratch.count >= count { return scratch.range(0..<count) }
    let fresh = Tensor<Float>(uninitialised: [count])
    scratch = fresh
    return fresh
  }
}
