import Evaluation
import Foundation

/// What `plan` says: the model's parameters and its predictions.
public struct ScalingReport: Codable, Sendable {
  public var model: ScalingModel
  /// Where parameters come from that were measured rather than given.
  public var sources: [String]
  /// One shard a rank: the global batch grows with the nodes.
  public var growing: [ScalingPrediction]
  /// A fixed number of shards; empty where none was asked for.
  public var fixed: [ScalingPrediction]
  /// The first number of nodes, up to the most of `growing`, on which the fill takes more than a twentieth of the step.
  public var latencyMattersFrom: Int?
  /// What helps against it: on the nodes asked for; of a table there, or on its most nodes where it is nowhere so.
  public var remedies: [ScalingModel.Remedy]

  /// Numbers of nodes of a table.
  public static let tableNodes = (0...10).map { 1 << $0 }

  /// - Parameters:
  ///   - nodes: ascending, at least one.
  ///   - shards: of the second table.
  public init(_ model: ScalingModel, sources: [String], nodes: [Int], shards: Int?) {
    self.model = model
    self.sources = sources
    growing = nodes.map { model.predict(nodes: $0) }
    fixed = shards.map { shards in nodes.map { model.predict(nodes: $0, shards: shards) } } ?? []
    latencyMattersFrom = model.latencyMatters(upTo: nodes.last ?? 1)
    let most = nodes.last ?? 1
    remedies = model.remedies(nodes: nodes.count == 1 ? most : latencyMattersFrom ?? most)
  }

  public func json() throws -> String { String(decoding: try reportJSON(), as: UTF8.self) }

  public func text() -> String {
    var table = parameters()
    add(growing, to: &table, title: "One shard a rank", shards: nil)
    if let shards = fixed.first?.shards { add(fixed, to: &table, title: "\(shards) shards", shards: shards) }
    if growing.contains(where: { $0.nodes > 1 }) { addRemedies(to: &table) }
    return table.render() + "\nA model, not a measurement; docs/scaling.md states what it assumes.\n"
      + sources.map { "\($0)\n" }.joined()
  }

  private func parameters() -> TextTable {
    var table = TextTable()
    table.heading("Model", "")
    table.row("reduction", model.reduction.rawValue)
    table.row("ranks per node", "\(model.ranksPerNode)")
    table.row("a shard", Self.seconds(model.shardSeconds))
    table.row("gradient", String(format: "%.1f MB", model.gradientBytes / 1e6))
    table.row("memory of a node", String(format: "%.1f GB/s", model.memoryBandwidth / 1e9))
    table.row("link of a node", String(format: "%.4g Gb/s", 8 * model.network.bandwidth / 1e9))
    table.row("latency", String(format: "%.4g us", 1e6 * model.network.latency))
    table.row("cost of a message", String(format: "%.4g us", 1e6 * model.network.overhead))
    table.row("network hidden by", Self.percent(model.overlap) + " of a shard")
    if model.reduction == .ordered {
      table.row(
        "chunk of a rank",
        model.chunkBytes.map { String(format: "%.0f KiB", $0 / 1024) } ?? "256 KiB a node, 64 beyond 64 nodes"
      )
    }
    return table
  }

  /// - Parameter shards: the same for all predictions; nil where each rank has one.
  private func add(_ predictions: [ScalingPrediction], to table: inout TextTable, title: String, shards: Int?) {
    table.heading(
      title, "ranks", "rounds", "step", "compute", "fold", "AdamW", "network", "of it fill", "fill", "efficiency",
      "of one node's")
    let alone = model.predict(nodes: 1, shards: shards ?? model.ranksPerNode)
    for step in predictions {
      table.row(
        "\(step.nodes) node\(step.nodes == 1 ? "" : "s")", "\(step.ranks)", "\(step.rounds)",
        Self.seconds(step.step), Self.seconds(step.compute), Self.seconds(step.fold), Self.seconds(step.optimizer),
        Self.seconds(step.network), Self.seconds(step.fill), Self.percent(step.fillShare),
        Self.percent(step.efficiency), Self.percent(step.efficiency / alone.efficiency))
    }
  }

  private func addRemedies(to table: inout TextTable) {
    let nodes = remedies.first?.prediction.nodes ?? 1
    table.heading(
      "Latency matters \(latencyMattersFrom.map { "from \($0) nodes" } ?? "nowhere"); on \(nodes) nodes",
      "step", "fill", "efficiency")
    for remedy in remedies {
      let step = remedy.prediction
      table.row(remedy.change, Self.seconds(step.step), Self.percent(step.fillShare), Self.percent(step.efficiency))
    }
  }

  private static func percent(_ share: Double) -> String { String(format: "%.1f%%", 100 * share) }

  private static func seconds(_ value: Double) -> String {
    value < 0.9995 ? String(format: "%.1f ms", 1e3 * value) : String(format: "%.2f s", value)
  }
}
