import Dispatch
import Synchronization
import Tensors

/// Makes items 0, 1, 2, ... ahead of their use, on threads of its own.
///
/// At most `ahead` items are under way or waiting. Items come out in order and depend on their number alone, so timing
/// changes nothing but speed; what making an item threw is thrown where the item is asked for. One consumer.
public final class Prefetcher<Item: Sendable> {
  /// Filled once by a worker, awaited by the consumer.
  private final class Slot: Sendable {
    private let result = Mutex<Result<Item, any Error>?>(nil)
    private let filled = DispatchSemaphore(value: 0)

    func fill(_ value: Result<Item, any Error>) {
      result.withLock { $0 = value }
      filled.signal()
    }

    func wait() -> Result<Item, any Error>? {
      filled.wait()
      return result.withLock { $0 }
    }
  }

  private final class Stop: Sendable {
    let isSet = Atomic(false)
  }

  private let make: @Sendable (Int) throws -> Item
  private let end: Int
  private let ahead: Int
  private let workers: [DispatchQueue]
  private let stop = Stop()
  private var slots: [Int: Slot] = [:]
  private var nextSubmitted: Int
  private var nextTaken: Int

  /// - Parameters:
  ///   - range: numbers of the items; resuming begins in the middle.
  ///   - ahead: items made ahead of the consumer; 0 makes each one when it is asked for, on the consumer's thread.
  ///   - workers: threads that make items.
  ///   - make: makes an item from its number alone.
  public init(_ range: Range<Int>, ahead: Int, workers: Int = 1, make: @escaping @Sendable (Int) throws -> Item) {
    precondition(ahead >= 0 && workers > 0, "a prefetcher needs workers")
    self.make = make
    self.ahead = ahead
    end = range.upperBound
    nextSubmitted = range.lowerBound
    nextTaken = range.lowerBound
    self.workers = (0..<workers).map { DispatchQueue(label: "prefetch \($0)") }
  }

  deinit { stop.isSet.store(true, ordering: .relaxed) }

  /// The next item; nil past the last.
  /// - Throws: what making this item threw; the following call goes on with the item after it.
  public func next() throws -> Item? {
    guard nextTaken < end else { return nil }
    let number = nextTaken
    nextTaken += 1
    guard ahead > 0 else { return try make(number) }
    submit(upTo: min(end, number + ahead + 1))
    return try slots.removeValue(forKey: number)?.wait()?.get()
  }

  private func submit(upTo limit: Int) {
    while nextSubmitted < limit {
      let number = nextSubmitted
      let slot = Slot()
      slots[number] = slot
      let (make, stop) = (make, stop)
      workers[number % workers.count].async {
        guard !stop.isSet.load(ordering: .relaxed) else { return }
        slot.fill(Result { try make(number) })
      }
      nextSubmitted += 1
    }
  }
}
