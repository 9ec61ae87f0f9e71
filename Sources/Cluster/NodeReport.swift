import Tensors

/// One rank as a watchdog sees it.
struct RankSighting: Sendable, Equatable {
  enum Condition: Sendable {
    case alive, stopped, gone, left
  }

  var rank: Int
  var step: Int
  var phase: Phase?
  var bucket: Int?
  var operation: Operation?
  var peer: Peer
  /// Seconds since the rank's last sign.
  var silence: Double
  var condition: Condition

  var isWaiting: Bool { condition == .alive && operation != nil }
  /// Alive, at work and not waiting for anyone: whom the others wait for.
  var isBusy: Bool { condition == .alive && operation == nil }
}

/// The last message of a job that a watchdog ends: who is to blame, and where every rank of the node is.
struct NodeReport: Sendable {
  /// What made the watchdog speak.
  enum Reason: Sendable, Equatable {
    case stepLimit(seconds: Double)
    case silence(seconds: Double)
    case loss
    /// The job is about to be killed, and has not saved.
    case grace(seconds: Double)

    /// Tells the exit code.
    var kind: UserError.Kind { if case .grace = self { .stopped } else { .rankLost } }
  }

  var reason: Reason
  var sightings: [RankSighting]
  var peers: Peers

  /// The error that is printed.
  var error: UserError {
    UserError(reason.kind, headline + "\n" + table, remedy: remedy)
  }

  /// The sentence that names who is late.
  private var headline: String {
    if case .grace(let seconds) = reason {
      return
        "told to end, and not saved within \(Self.seconds(seconds)) (run.grace): the last complete checkpoint stands"
    }
    let gone = sightings.filter { $0.condition == .gone }
    let stopped = sightings.filter { $0.condition == .stopped }
    if !gone.isEmpty { return "\(names(gone)) lost: the process is gone" }
    let limit =
      switch reason {
      case .stepLimit(let seconds): " for longer than train.step_limit (\(Self.seconds(seconds)))"
      case .silence(let seconds): " for \(Self.seconds(seconds))"
      case .loss, .grace: ""
      }
    let step = sightings.filter { $0.condition == .alive }.map(\.step).min() ?? 0
    let what = step > 0 ? "step \(step) goes on" : "the start goes on"
    if !stopped.isEmpty {
      let since = if case .stepLimit = reason { ", and \(what)\(limit)" } else { limit }
      return "\(names(stopped)) stopped: no sign of life\(since)"
    }
    let busy = sightings.filter(\.isBusy)
    if !busy.isEmpty { return "\(names(busy)) late: \(what)\(limit)" }
    let waits = Set(sightings.filter(\.isWaiting).map(waitText)).sorted().joined(separator: "; ")
    return "every rank of this host waits: \(what)\(limit); \(waits)"
  }

  private var remedy: String {
    switch reason {
    case .grace:
      "give the job more time before it is killed and say so in run.grace, or save more often; run the same command again "
        + "to go on"
    case .loss: "look for a kill by the system (out of memory?) in its log; run the same command again to go on"
    case .silence: "look at that process and its host; run the same command again to go on"
    case .stepLimit:
      "look at that host, its disks and the network; if a step may take so long, raise train.step_limit; run the same "
        + "command again to go on"
    }
  }

  /// "rank 1 on host a is", "ranks 1 and 2 on host a are".
  private func names(_ sightings: [RankSighting]) -> String {
    let host = sightings.first.map { peers.hosts[$0.rank] } ?? ""
    let ranks = sightings.map { "\($0.rank)" }
    let list = ([ranks.dropLast().joined(separator: ", ")] + ranks.suffix(1)).filter { !$0.isEmpty }
    return "\(ranks.count == 1 ? "rank" : "ranks") \(list.joined(separator: " and ")) on \(host) "
      + (ranks.count == 1 ? "is" : "are")
  }

  private var table: String {
    let rows =
      [["rank", "host", "step", "phase", "bucket", "last sign", "state"]]
      + sightings.map { sighting in
        [
          "\(sighting.rank)", peers.hosts[sighting.rank], sighting.step > 0 ? "\(sighting.step)" : "-",
          sighting.phase.map { "\($0)" } ?? "-", sighting.bucket.map { "\($0)" } ?? "-",
          Self.seconds(sighting.silence) + " ago", state(sighting),
        ]
      }
    let widths = rows[0].indices.dropLast().map { column in rows.map { $0[column].count }.max() ?? 0 } + [0]
    return rows.map { row in
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
      return "  " + cells.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private func state(_ sighting: RankSighting) -> String {
    switch sighting.condition {
    case .gone: "gone"
    case .left: "ended"
    case .stopped: "stopped"
    case .alive: sighting.operation == nil ? "late" : waitText(sighting)
    }
  }

  /// "waiting in a reduction of integers for host b".
  private func waitText(_ sighting: RankSighting) -> String {
    guard let operation = sighting.operation else { return "" }
    return "waiting in \(operation.words) for \(awaited(sighting))"
  }

  private func awaited(_ sighting: RankSighting) -> String {
    if case .rank(let rank) = sighting.peer, peers.hosts.indices.contains(rank) {
      return "rank \(rank) on \(peers.hosts[rank])"
    }
    // Whoever on this node is not in the same operation is missed; beyond the node only hosts are known.
    let missed = sightings.filter {
      $0.rank != sighting.rank && $0.condition != .left
        && !($0.isWaiting && $0.operation == sighting.operation && $0.step == sighting.step)
    }
    if !missed.isEmpty { return missed.map { "rank \($0.rank)" }.joined(separator: ", ") }
    let hosts = peers.hosts(besidesNodeOf: sighting.rank)
    if hosts.isEmpty { return "nobody: all ranks are in it" }
    let shown = hosts.prefix(4).joined(separator: ", ")
    return hosts.count > 4 ? "\(shown) and \(hosts.count - 4) more hosts" : shown
  }

  private static func seconds(_ value: Double) -> String {
    let tenths = (value * 10).rounded() / 10
    return (tenths >= 10 || tenths == tenths.rounded() ? "\(Int(tenths.rounded()))" : "\(tenths)") + " s"
  }
}
