/// The threads of a node's ranks on the processors they may use.
public struct NodeLoad: Sendable {
  /// The ranks of one node.
  public let places: [RankPlace]
  public let resources: NodeResources

  public init(places: [RankPlace], resources: NodeResources) {
    self.places = places
    self.resources = resources
  }

  /// Ranks that compete for cores: each shares one with another of its group, directly or by way of third ones.
  struct Group: Equatable {
    var ranks: [Int]
    var threads: Int
    var processors: Set<Int>
    /// Places in the host's list of cores.
    var cores: Set<Int>
  }

  public var host: String { places.first?.host ?? "" }

  /// Processors' time a container allows all ranks of the node together; nil where there is no limit.
  public var quota: Double? { places.first?.quota }

  /// Processors that binding can give to ranks: those of the launcher, and those that ranks have.
  private var available: Set<Int> { Set(resources.processors.available).union(places.flatMap(\.processors)) }

  /// Groups of ranks in the order of their first rank. Ranks whose processors are not known are left out.
  var groups: [Group] {
    var groups: [Group] = []
    for place in places where !place.processors.isEmpty {
      var own = Group(
        ranks: [place.rank], threads: place.threads, processors: Set(place.processors),
        cores: resources.processors.cores(of: place.processors))
      for other in groups where !other.cores.isDisjoint(with: own.cores) {
        own.ranks += other.ranks
        own.threads += other.threads
        own.processors.formUnion(other.processors)
        own.cores.formUnion(other.cores)
      }
      groups.removeAll { !$0.cores.isDisjoint(with: own.cores) }
      groups.append(own)
    }
    return groups.map { group in
      var group = group
      group.ranks.sort()
      return group
    }.sorted { $0.ranks[0] < $1.ranks[0] }
  }

  /// What will make the ranks of this node slow, and what to do: one sentence each.
  public var warnings: [String] {
    let tight = places.filter { isBound($0) && $0.threads > $0.processors.count }
    return [quotaWarning].compactMap { $0 } + tightWarnings(tight) + groups.compactMap(warning)
  }

  /// Whether the rank was given less than its launcher had.
  private func isBound(_ place: RankPlace) -> Bool {
    !place.processors.isEmpty && place.processors.count < available.count
  }

  private var quotaWarning: String? {
    let threads = places.reduce(0) { $0 + $1.threads }
    guard let quota, Double(threads) > quota.rounded(.up) else { return nil }
    return
      "\(host): the container allows the time of \(quota) processors to \(threads) threads; start fewer ranks, lower "
      + "train.threads or raise the container's quota (docker --cpus, resources.limits.cpu)"
  }

  /// One sentence for all ranks in the same straits.
  private func tightWarnings(_ tight: [RankPlace]) -> [String] {
    struct Straits: Hashable { var threads, processors: Int }
    let alike = Dictionary(grouping: tight) { Straits(threads: $0.threads, processors: $0.processors.count) }
    return alike.values.sorted { $0[0].rank < $1[0].rank }.map { places in
      let (threads, processors) = (places[0].threads, places[0].processors.count)
      let subject =
        places.count == 1
        ? "rank \(places[0].rank) has" : "ranks \(NumberRanges.text(places.map(\.rank))) each have"
      return "\(host): \(subject) \(threads) threads but \(places.count == 1 ? "is" : "are") bound to "
        + "\(Self.count(processors, "processor")); start with mpirun --bind-to none, or with --map-by "
        + "slot:PE=\(threads) --bind-to core where there are as many cores"
    }
  }

  private func warning(_ group: Group) -> String? {
    let several = group.ranks.count > 1
    if group.threads > group.processors.count {
      // A single bound rank was spoken of already.
      if !several, group.processors.count < available.count { return nil }
      let who = several ? "\(group.ranks.count) ranks" : "rank \(group.ranks[0])"
      let which = several && group.ranks.count < places.count ? " (\(NumberRanges.text(group.ranks)))" : ""
      return "\(host): \(who)\(which) with \(Self.count(group.threads, "thread")) in all "
        + "\(several ? "share" : "has") \(Self.count(group.processors.count, "processor")) "
        + "(\(NumberRanges.text(group.processors))); \(remedy)"
    }
    guard group.threads > group.cores.count else { return nil }
    return "\(host): \(Self.count(group.threads, "thread")) of rank\(several ? "s" : "") "
      + "\(NumberRanges.text(group.ranks)) run on \(Self.count(group.cores.count, "core")) with several hardware threads "
      + "each, which share their arithmetic units; one thread a core is about as fast: start fewer ranks, lower "
      + "train.threads, or bind with mpirun --bind-to core"
  }

  /// Fewer threads where all processors are taken, and other binding where some stand idle.
  private var remedy: String {
    let threads = places.reduce(0) { $0 + $1.threads }
    guard threads <= available.count else { return "start fewer ranks or lower train.threads" }
    let widest = places.map(\.threads).max() ?? 1
    return
      "there are \(available.count): start with mpirun --map-by slot:PE=\(widest) --bind-to core, or --bind-to none"
  }

  private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
