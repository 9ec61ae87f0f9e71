import Cluster
import Foundation
import Tensors

extension Communicator {
  /// Collective: the results of items that are dealt to the ranks one by one, in the items' order and on every rank.
  ///
  /// Each item is computed by itself, so the results do not depend on the number of ranks. Ranks meet after a round of a few
  /// items each: few enough to stay within the limit of a step, many enough that they hardly wait for each other.
  /// - Parameters:
  ///   - items: the numbers of the items that are still to be done.
  ///   - remedy: what to do after a stop.
  ///   - progress: told on every rank, after each of its own items, of the number up to which items are done.
  ///   - finished: told on every rank, after each round, of its results.
  ///   - body: computes an item.
  /// - Throws: `AgreedError` of kind stopped when a stop was asked for meanwhile; what `body` throws, on every rank.
  func dealt<Result: Codable>(
    _ items: Range<Int>, stop: StopFlag, remedy: String, progress: (_ done: Int) -> Void,
    finished: (_ results: [Result]) throws -> Void = { _ in }, _ body: (Int) throws -> Result
  ) throws -> [Result] {
    let perRank = 16
    let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    var results: [Result] = []
    for start in stride(from: items.lowerBound, to: items.upperBound, by: size * perRank) {
      status.begin(.evaluation)
      let round = start..<min(start + size * perRank, items.upperBound)
      let own = try agree {
        try round.filter { ($0 - start) % size == rank }.compactMap { index -> Result? in
          guard !stop.isRaised else { return nil }
          defer { progress(min(items.upperBound, index - rank + size)) }
          return try body(index)
        }
      }
      let signal = try stop.agreed(among: self)
      guard signal == 0 else {
        throw AgreedError(
          UserError(.stopped, "stopped by \(StopFlag.name(of: signal)) during evaluation", remedy: remedy))
      }
      let all = try allGather([UInt8](try encoder.encode(own)))
      let decoded = try agree { try all.map { try decoder.decode([Result].self, from: Data($0)) } }
      let ordered = round.indices.map { index in decoded[(index - start) % size][(index - start) / size] }
      try agree { try finished(ordered) }
      results += ordered
    }
    return results
  }
}
