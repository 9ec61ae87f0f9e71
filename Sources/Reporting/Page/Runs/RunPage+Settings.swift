import Foundation

extension RunPage {
  /// The resolved configuration, first what differs from the quick start.
  var settings: PageContent.Section {
    guard !run.settings.isEmpty else {
      return .init(
        id: "settings", heading: "Settings",
        blocks: [.note(.missing("config.yaml is missing or cannot be read.", "Each start of train writes it."))])
    }
    return .init(
      id: "settings", heading: "Settings", lead: ReportedRun.Setting.lead(run.settings),
      blocks: ReportedRun.Setting.blocks(run.settings))
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
    if let nodes = start.nodes, !nodes.isEmpty { blocks.append(.table(StartRecord.machines(nodes))) }
    if let command = start.commandLine { blocks.append(.fold(.init(label: "Command line", verbatim: command))) }
    return .init(id: "environment", heading: "Environment", lead: "Of the newest start.", blocks: blocks)
  }
}

extension StartRecord {
  /// A row for each machine.
  static func machines(_ nodes: [Node]) -> PageContent.Table {
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

extension ReportedRun.Setting {
  /// How many of all differ from the quick start.
  static func lead(_ settings: [Self]) -> String {
    let changed = settings.count { !$0.isDefault }
    return changed == 0
      ? "Those of the built-in quick start."
      : "\(changed) of \(settings.count) differ from the built-in quick start."
  }

  /// First those that differ from the quick start, then all.
  static func blocks(_ settings: [Self]) -> [PageContent.Block] {
    func table(_ summary: String, _ settings: [Self]) -> PageContent.Table {
      .init(
        summary: summary, columns: [.text("Key"), .text("value")],
        rows: settings.map {
          .init(label: $0.key, cells: [.text($0.value)], weight: $0.isDefault ? "" : "strong")
        })
    }
    let changed = settings.filter { !$0.isDefault }
    var blocks: [PageContent.Block] = []
    if !changed.isEmpty { blocks.append(.table(table("Settings that differ from the quick start", changed))) }
    blocks.append(.fold(.init(label: "All \(settings.count) settings", tables: [table("All settings", settings)])))
    return blocks
  }
}
