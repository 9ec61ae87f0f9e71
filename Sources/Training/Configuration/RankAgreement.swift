import Cluster
import Foundation
import Tensors

extension Communicator {
  /// Collective: refuses ranks that were told another configuration than rank 0, as by another file of the same name.
  ///
  /// - Throws: `AgreedError` naming the first such rank and the first key that differs.
  public func compare(_ configuration: RunConfiguration) throws {
    let own = try agree { try configuration.values(under: [""]).map { "\($0.key): \($0.value)" }.sorted() }
    let told = try broadcast(own.joined(separator: "\0"))
    let first = told.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
    try agree {
      guard let line = own.indices.first(where: { !first.indices.contains($0) || own[$0] != first[$0] }) else { return }
      throw UserError(
        .usage,
        "this rank is told \(own[line]), rank 0 \(first.indices.contains(line) ? first[line] : "nothing of it")",
        remedy: "give every rank the same arguments and every host the same configuration file")
    }
  }

  /// Collective: tells the watchdogs how long a step and the time after an announced kill may be.
  ///
  /// - Returns: the requests to stop that the run listens to.
  /// - Throws: `AgreedError` (usage) for times that are none.
  public func limits(of configuration: RunConfiguration) throws -> StopFlag {
    status.limitSteps(toSeconds: configuration.train.stepLimit)
    return try agree {
      status.limitGrace(toSeconds: try configuration.run.secondsOfGrace())
      return try configuration.run.stopFlag()
    }
  }

  /// Collective: what is to be said, on every rank, of ranks that compute with other kernels, libraries or program versions
  /// than rank 0: where they take a shard, its bits are others.
  public func kernelWarnings(
    of own: String = "\(ProductLibrary.kernels), \(ProductLibrary.version), evl-dist \(ProgramVersion.text)"
  ) throws -> [String] {
    let all = try allGather(Array(own.utf8)).map { String(decoding: $0, as: UTF8.self) }
    var ranks: [String: [Int]] = [:]
    for (rank, text) in all.enumerated() where text != all[0] { ranks[text, default: []].append(rank) }
    return ranks.sorted { $0.value[0] < $1.value[0] }.map { text, ranks in
      "\(ranks.count == 1 ? "rank" : "ranks") \(NumberRanges.text(ranks)) \(ranks.count == 1 ? "computes" : "compute") with \(text), rank 0 with \(all[0]): the "
        + "bits of this run depend on which rank takes which shard"
    }
  }
}
