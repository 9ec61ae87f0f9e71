import Foundation
import Training

extension AblationPage {
  /// How long the runs of each method took.
  var times: [PageContent.Section] {
    let methods = (ablation.tables.first?.rows ?? []).map(\.method)
    let all = ablation.tables.flatMap(\.rows).flatMap { $0.seconds ?? [] }
    guard !all.isEmpty else { return [] }
    let table = PageContent.Table(
      summary: "Time of a run", columns: [.text("Method")] + ablation.tables.map { .number($0.condition) },
      rows: methods.map { method in
        .init(label: method, cells: ablation.tables.map { Self.time($0[method]?.seconds ?? []) })
      })
    return [
      .init(
        id: "times", heading: "Run times",
        lead:
          "Mean of a method's runs, below it the shortest and the longest: training and evaluation since a run's last "
          + "start. All runs of the tables together: \(PageNumber.duration(all.reduce(0, +))). Runs that shared a "
          + "machine slowed each other.",
        blocks: [.table(table)])
    ]
  }

  private static func time(_ seconds: [Double]) -> PageContent.Table.Cell {
    guard let least = seconds.min(), let most = seconds.max() else { return .number("–") }
    let mean = PageNumber.duration(seconds.reduce(0, +) / Double(seconds.count))
    return .number(
      mean, seconds.count > 1 ? "\(PageNumber.duration(least)) to \(PageNumber.duration(most))" : nil)
  }

  /// What was varied, and the configuration that all runs vary.
  var settings: PageContent.Section {
    var blocks: [PageContent.Block] = [.table(variants)]
    let settings = configuration
    if settings.isEmpty {
      blocks.append(
        .note(
          .missing(
            "The results do not hold the configuration that is varied.",
            "The same ablate command writes ablation.json again, with it, and repeats no run that is done.")))
    } else {
      blocks += ReportedRun.Setting.blocks(settings)
    }
    let seeds = ablation.seeds.map { "\($0)" }.joined(separator: ", ")
    return .init(
      id: "settings", heading: "Settings",
      lead: "\(ablation.seeds.count == 1 ? "Seed" : "Seeds") \(seeds). What each method and condition sets, then the "
        + "configuration that all of them vary" + (settings.isEmpty ? "." : ": " + Self.share(settings)),
      blocks: blocks)
  }

  private static func share(_ settings: [ReportedRun.Setting]) -> String {
    let text = ReportedRun.Setting.lead(settings)
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  /// A method's own settings are what stands behind the condition's.
  private var variants: PageContent.Table {
    func shown(_ settings: [String]) -> String { settings.isEmpty ? "nothing" : Self.listed(settings) }
    let conditions = ablation.tables.map { table in
      PageContent.Table.Row(label: table.condition, cells: [.text("condition"), .text(shown(table.settings))])
    }
    let methods = (ablation.tables.first?.rows ?? []).map { row in
      let (own, condition) = (row.settings ?? [], ablation.tables[0].settings)
      return PageContent.Table.Row(
        label: row.method,
        cells: [
          .text("method"), .text(shown(own.starts(with: condition) ? Array(own.dropFirst(condition.count)) : own)),
        ],
        weight: row.method == ablation.comparedWith ? "strong" : "")
    }
    return .init(
      summary: "Methods and conditions", columns: [.text("Name"), .text("is a"), .text("sets")],
      rows: methods + conditions)
  }

  /// The configuration in the order of its sections; empty where the results do not hold it.
  private var configuration: [ReportedRun.Setting] {
    let values = ablation.origin?.configuration ?? [:]
    let usual = (try? ConfigurationLoader().merge().listing()) ?? []
    let known = usual.map { $0.key }
    let others = Set(values.keys).subtracting(known).sorted()
    let defaults = Dictionary(usual.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    return (known + others).compactMap { key in
      values[key].map { ReportedRun.Setting(key: key, value: $0, isDefault: defaults[key] == $0) }
    }
  }

  /// By what the results and the runs were made, and on which machines.
  var environment: PageContent.Section {
    let origin = ablation.origin
    let programs = origin?.programs ?? []
    let starts = (try? ablation.starts.get()) ?? []
    func each(_ value: (StartRecord) -> String?) -> String? {
      let found = Set(starts.compactMap(value)).sorted()
      return found.isEmpty ? nil : found.joined(separator: "; ")
    }
    func fact(_ term: String, _ value: String?, _ remark: String? = nil) -> PageContent.Fact? {
      value.map { PageContent.Fact(term: term, value: $0, remark: remark) }
    }
    let times = starts.compactMap(\.started).sorted()
    let facts: [PageContent.Fact?] = [
      fact("Program", origin?.program, "that made the tables"),
      fact("Commit", origin.map { $0.commit ?? "not certain" }),
      fact(
        programs.count > 1 ? "Builds of the runs" : "Build of the runs",
        programs.isEmpty ? nil : programs.joined(separator: "; ")),
      fact("First start", times.first), fact("Last start", times.last), fact("Matrix library", each(\.matrixLibrary)),
      fact("Message passing", each(\.messagePassing)), fact("Swift", each(\.swift)),
      fact("Working folder", each(\.workingFolder)),
    ]
    let known = facts.compactMap { $0 }
    var blocks: [PageContent.Block] = known.isEmpty ? [] : [.facts(.init(known))]
    let machines = Self.machines(of: starts)
    if let unknown = machinesUnknown {
      blocks.append(.note(unknown))
    } else if !machines.isEmpty {
      blocks.append(.table(StartRecord.machines(machines)))
    }
    if let command = each(\.commandLine) { blocks.append(.fold(.init(label: "Command line", verbatim: command))) }
    return .init(
      id: "environment", heading: "Environment", lead: "Of the results, and of the newest start of each run.",
      blocks: blocks)
  }

  /// Why there is no table of the machines; nil where starts of runs are known.
  private var machinesUnknown: PageContent.Note? {
    let unknown = "On which machines the runs ran is not known: "
    switch ablation.starts {
    case .success(let starts) where starts.isEmpty:
      return .missing(unknown + "their folders are not beside ablation.json.", "Keep runs/ beside it.")
    case .success: return nil
    case .failure(let error): return .missing("\(unknown)\(error.message).", error.remedy.capitalizedFirst + ".")
    }
  }

  /// Every machine once, whatever ranks it had.
  private static func machines(of starts: [StartRecord]) -> [StartRecord.Node] {
    var seen: Set<[String?]> = []
    return starts.flatMap { $0.nodes ?? [] }.filter {
      seen.insert([$0.host, $0.model?.name, $0.kernels, $0.system]).inserted
    }
  }
}
