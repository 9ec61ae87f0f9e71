import Foundation

extension RunPage {
  /// The resolved configuration, first what differs from the quick start.
  var settings: PageContent.Section {
    guard !run.settings.isEmpty else {
      return .init(
        id: "settings", heading: "Settings",
        blocks: [.note(.missing("config.yaml is missing or cannot be read.", "Each start of train writes it."))])
    }
    let changed = run.settings.filter { !$0.isDefault }
    func table(_ summary: String, _ settings: [ReportedRun.Setting]) -> PageContent.Table {
      .init(
        summary: summary, columns: [.text("Key"), .text("value")],
        rows: settings.map {
          .init(label: $0.key, cells: [.text($0.value)], weight: $0.isDefault ? "" : "strong")
        })
    }
    return .init(
      id: "settings", heading: "Settings",
      lead: changed.isEmpty
        ? "Those of the built-in quick start."
        : "\(changed.count) of \(run.settings.count) differ from the built-in quick start.",
      blocks: (changed.isEmpty ? [] : [.table(table("Settings that differ from the quick start", changed))]) + [
        .fold(.init(label: "All \(run.settings.count) settings", tables: [table("All settings", run.settings)]))
      ])
  }

  /// The machines and programs of the newest start.
  var environment: PageContent.Section {
    guard let start = run.start else {
      return .init(
        id: "environment", heading: "Environment",
        blocks: [.note(.missing("environment.json is missing or damaged.", "Each start of train writes it."))])
    }
    let facts: [(String, String?)] = [
      ("Program", start.program), ("Commit", start.commit ?? "not certain"), ("Started", start.started),
      ("Matrix library", start.matrixLibrary), ("Message passing", start.messagePassing), ("Swift", start.swift),
      ("Working folder", start.workingFolder),
    ]
    var blocks: [PageContent.Block] = [
      .facts(.init(facts.compactMap { term, value in value.map { .init(term: term, value: $0) } }))
    ]
    if let nodes = start.nodes, !nodes.isEmpty { blocks.append(.table(table(nodes))) }
    if let command = start.commandLine { blocks.append(.fold(.init(label: "Command line", verbatim: command))) }
    return .init(id: "environment", heading: "Environment", lead: "Of the newest start.", blocks: blocks)
  }

  private func table(_ nodes: [StartRecord.Node]) -> PageContent.Table {
    .init(
      summary: "Nodes",
      columns: [
        .text("Host"), .text("processor"), .number("cores"), .number("memory"), .number("ranks"),
        .number("threads of a rank"), .text("kernels"), .text("system"),
      ],
      rows: nodes.map { node in
        let threads = Set((node.ranks ?? []).compactMap(\.threads)).sorted().map(String.init)
        return .init(
          label: node.host ?? "?",
          cells: [
            .text(node.model?.name ?? "–"), .number(node.cores.map(String.init) ?? "–"),
            .number(node.memory?.bytes.map(PageNumber.bytes) ?? "–"), .number(node.ranks.map { "\($0.count)" } ?? "–"),
            .number(threads.isEmpty ? "–" : threads.joined(separator: ", ")), .text(node.kernels ?? "–"),
            .text(node.system ?? "–"),
          ])
      })
  }
}
