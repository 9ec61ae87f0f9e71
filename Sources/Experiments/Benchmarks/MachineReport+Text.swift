import Cluster
import Evaluation
import Foundation

extension MachineReport {
  /// The report as tables, warnings and notes.
  public func text() -> String {
    let parts = [productTable(), nodeTable(), rankTable() + "message passing: \(messagePassing)\n"]
    let remarks = warnings.map { "warning: \($0)\n" } + notes.map { "note: \($0)\n" }
    return (parts + (remarks.isEmpty ? [] : [remarks.joined()])).joined(separator: "\n")
  }

  public func json() throws -> String { String(decoding: try reportJSON(), as: UTF8.self) }

  private func productTable() -> String {
    var table = TextTable()
    table.heading("Matrix products", "")
    table.row("library", products.library.split(separator: " ").prefix(2).joined(separator: " "))
    table.row("kernels for", products.kernels)
    for (name, value) in products.settings.sorted(by: { $0.key < $1.key }) { table.row("setting", "\(name)=\(value)") }
    let threads = products.threads
    table.row("threads of OpenBLAS, oneDNN, own loops", "\(threads.openBLAS), \(threads.oneDNN), \(threads.loops)")
    table.row("measured peak of a core", String(format: "%.0f GFLOP/s", products.peak))
    table.row("1024 x 1024 x 1024 product", String(format: "%.0f GFLOP/s", products.reached))
    table.row("share of the peak", String(format: "%.0f%%", 100 * products.reached / products.peak))
    return table.render()
  }

  private func nodeTable() -> String {
    var table = TextTable()
    table.heading(
      "Node", "host", "ranks", "threads", "processors", "to bind", "cores", "memory nodes", "quota", "to share",
      "/dev/shm free", "huge pages: own, shared, reserved free")
    for node in nodes {
      let pages = node.hugePages
      table.row(
        "\(node.node)", node.host, "\(node.ranks.count)", "\(node.ranks.reduce(0) { $0 + $1.threads })",
        node.processors, node.available, "\(node.cores)" + (node.threadsPerCore > 1 ? " x \(node.threadsPerCore)" : ""),
        node.memoryNodes.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }.map { "\($0.key): \($0.value)" }
          .joined(separator: "; "),
        node.quota.map { "\($0)" } ?? "none",
        node.sharedBytes.map(SharedMemorySpace.text) ?? "-",
        node.sharedMemory.map { "\(SharedMemorySpace.text($0.free)) of \(SharedMemorySpace.text($0.bytes))" } ?? "none",
        "\(pages.transparent ?? "none"), \(pages.reachSharedMemory ? "yes" : "no"), \(pages.free) of \(pages.reserved)")
    }
    return table.render()
  }

  private func rankTable() -> String {
    var table = TextTable()
    table.heading("Rank", "node", "host", "bound to", "cores", "threads", "memory node")
    for node in nodes {
      for rank in node.ranks {
        let isFree = rank.processors == node.processors
        table.row(
          "\(rank.rank)", "\(node.node)", node.host,
          rank.processors.isEmpty ? "unknown" : rank.processors + (isFree ? " (all)" : ""), "\(rank.cores)",
          "\(rank.threads)", rank.memoryNodes.map(String.init).joined(separator: ","))
      }
    }
    return table.render()
  }
}
