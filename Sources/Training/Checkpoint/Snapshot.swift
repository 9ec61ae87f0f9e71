import Cluster
import Foundation
import Tensors

/// Numbers as they were at one moment, written behind the training's back.
///
/// Between the end of a step and the next one's update nothing changes weights and moments, so a save reads them where they
/// lie. What it has not read when they are about to change is copied, as far as a budget of memory goes, and waited for
/// beyond that.
final class Snapshot: @unchecked Sendable {
  // Sendable because everything that changes is touched under the lock, and a region's numbers by one thread at a time.
  fileprivate enum Region {
    case live(Tensor<Float>)
    case isRead(Tensor<Float>)
    case copied(Tensor<Float>)
    case done
  }

  /// What keeping the numbers took of the training's time.
  struct Cost: Equatable {
    var copiedBytes = 0
    /// Seconds of waiting for the save, since the budget was used up.
    var waited = 0.0
  }

  private let condition = NSCondition()
  private var budget = 0
  private var regions: [Region] = []
  private var taken: Int?
  private var heldBytes = 0

  /// Bytes of all numbers.
  var bytes: Int {
    condition.withLock { regions.reduce(0) { $0 + $1.bytes } }
  }

  /// Sets the bytes of copies that may be held at a time; none before.
  func limit(toBytes bytes: Int) { condition.withLock { budget = bytes } }

  /// Adds numbers, before the save begins. - Returns: their number in the order in which they are to be read.
  func add(_ numbers: Tensor<Float>) -> Int {
    regions.append(.live(numbers))
    return regions.count - 1
  }

  /// The numbers of a region, as they were, until the next one is taken; once. Called by the save.
  func take(_ index: Int) -> Tensor<Float> {
    condition.withLock {
      releaseTaken()
      taken = index
      switch regions[index] {
      case .live(let numbers):
        regions[index] = .isRead(numbers)
        return numbers
      case .copied(let copy): return copy
      case .isRead, .done: preconditionFailure("region \(index) is read twice")
      }
    }
  }

  /// The save has read what it wanted, or gave up: nothing is needed any more.
  func end() {
    condition.withLock {
      releaseTaken()
      regions = regions.map { _ in .done }
      heldBytes = 0
      condition.broadcast()
    }
  }

  private func releaseTaken() {
    guard let taken else { return }
    if case .copied(let copy) = regions[taken] { heldBytes -= Self.bytes(copy) }
    regions[taken] = .done
    self.taken = nil
    condition.broadcast()
  }

  /// Returns once the numbers may change: none of them is still to be read where it lies. Called by the training.
  func detach() -> Cost {
    var cost = Cost()
    condition.lock()
    defer { condition.unlock() }
    while true {
      // From the end, since the save goes on from the beginning.
      if let (index, numbers) = lastCopyable() {
        regions[index] = .copied(numbers.copy())
        heldBytes += Self.bytes(numbers)
        cost.copiedBytes += Self.bytes(numbers)
      } else if regions.contains(where: \.isInPlace) {
        // More memory would not spare the wait for numbers that are being written.
        let lacksMemory = regions.contains(where: \.isLive)
        let start = Stopwatch.now
        condition.wait()
        if lacksMemory { cost.waited += Stopwatch.now - start }
      } else {
        return cost
      }
    }
  }

  private func lastCopyable() -> (Int, Tensor<Float>)? {
    for index in regions.indices.reversed() {
      guard case .live(let numbers) = regions[index] else { continue }
      return heldBytes + Self.bytes(numbers) <= budget ? (index, numbers) : nil
    }
    return nil
  }

  fileprivate static func bytes(_ numbers: Tensor<Float>) -> Int { numbers.count * MemoryLayout<Float>.stride }
}

extension Snapshot.Region {
  fileprivate var bytes: Int {
    switch self {
    case .live(let numbers), .isRead(let numbers), .copied(let numbers): Snapshot.bytes(numbers)
    case .done: 0
    }
  }

  fileprivate var isLive: Bool {
    if case .live = self { true } else { false }
  }

  /// Whether the numbers are still to be read, or are being read, where the training changes them.
  fileprivate var isInPlace: Bool {
    switch self {
    case .live, .isRead: true
    case .copied, .done: false
    }
  }
}
