import ArgumentParser
import Cluster
import Experiments
import Foundation
import Tensors

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Predicts step time and efficiency on more nodes from one node's speed and a model of the network.",
    discussion: """
      Without --nodes, a table of 1 to 1024 nodes. What is not given is measured here: the seconds of a shard (--compute; \
      the student of the configuration, without a teacher's forward) and the memory's bandwidth (--fold).
      A bandwidth is in Gb/s unless it says otherwise (25, 25Gb/s, 3GB/s), a time in microseconds (50, 50us, 0.1ms).
      """)

  @OptionGroup var options: ConfigurationOptions
  @Option(help: "Nodes.") var nodes: Int?
  @Option(help: "Ranks of each node.") var ranks = 1
  @Option(help: "A node's link, in each direction (default: 10Gb/s).") var bandwidth: LinkBandwidth?
  @Option(help: "Time until a message begins to arrive (default: 50us).") var latency: ShortTime?
  @Option(help: "Time of a core that a message costs (default: 5us).") var overhead: ShortTime?
  @Option(help: "Seconds of a shard's forward and backward on one rank; measured when left out.") var compute: Double?
  @Option(help: "GB/s in which a node reads and writes its memory; measured when left out.") var fold: Double?
  @Option(help: "KiB of gradient that a rank sends at once; what the program sends when left out.") var chunk: Int?
  @Option(help: "Share of a shard's time in which the network works unseen; 0 where moving bytes takes the same cores.")
  var overlap = 0.67
  @Option(help: "ordered or fast; the configuration's train.reduction when left out.")
  var reduction: GradientReduction?
  @Option(help: "A second table, of a global batch of so many shards.") var shards: Int?
  @Flag(help: "With --nodes: the table of 1 to 1024 nodes too.") var table = false
  @Flag(help: "Result as JSON.") var json = false

  /// More than anyone has, and few enough to count with.
  private static let most = 1_000_000

  func validate() throws {
    for (name, value) in [("nodes", nodes ?? 1), ("ranks", ranks), ("shards", shards ?? 1), ("chunk", chunk ?? 1)] {
      guard (1...Self.most).contains(value) else { throw ValidationError("--\(name) is from 1 to \(Self.most)") }
    }
    guard (0...1).contains(overlap) else { throw ValidationError("--overlap is from 0 to 1") }
    for (name, value) in [("compute", compute ?? 1), ("fold", fold ?? 1)] {
      guard (1e-6...1e6).contains(value) else { throw ValidationError("--\(name) is from 1e-6 to 1e6") }
    }
  }

  func run() throws {
    let configuration = try options.resolved().configuration
    let measurement = ScalingMeasurement(configuration)
    var sources: [String] = []
    if compute == nil {
      FileHandle.standardError.write(Data("timing a shard, which --compute SECONDS would tell ...\n".utf8))
    }
    let seconds = try compute ?? measurement.shardSeconds()
    if compute == nil {
      sources.append("a shard: the student's forward and backward as timed here, without a teacher")
    }
    let memory = fold.map { 1e9 * $0 } ?? measurement.memoryBandwidth(ranks: ranks)
    if fold == nil {
      sources.append("memory: a plain read as timed here, threads: \(min(ranks, UsableProcessors.count))")
    }
    var model = ScalingModel(
      ranksPerNode: ranks, shardSeconds: seconds, gradientBytes: Double(try TrainedSize(configuration).gradientBytes),
      memoryBandwidth: memory,
      network: .init(
        bandwidth: bandwidth?.bytesPerSecond ?? 1.25e9, latency: latency?.seconds ?? 50e-6,
        overhead: overhead?.seconds ?? 5e-6))
    model.chunkBytes = chunk.map { 1024 * Double($0) }
    model.overlap = overlap
    model.reduction = reduction ?? configuration.train.reducing
    let counts = Set([nodes].compactMap { $0 } + (nodes == nil || table ? ScalingReport.tableNodes : []))
    let report = ScalingReport(model, sources: sources, nodes: counts.sorted(), shards: shards)
    print(json ? try report.json() + "\n" : report.text(), terminator: "")
  }
}

extension GradientReduction: ExpressibleByArgument {}
