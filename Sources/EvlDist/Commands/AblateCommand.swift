import ArgumentParser
import Cluster
import Experiments
import Foundation
import Reporting
import Tensors
import Training

struct AblateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ablate", abstract: "* Trains variants of a run with several seeds and compares them.",
    discussion: """
      The configuration has a section `ablation` beside those of a run: methods, conditions, seeds, and perhaps grids to choose \
      values from (docs/ablation.md). Each rank does whole runs of its own, one after the other. SIGUSR1 or SIGUSR2 to mpirun \
      ends with exit code 75; the same command goes on there, on any number of ranks. Results: ablation.json in run.folder.
      """)

  @Option(name: .customLong("config"), help: "YAML file with a section `ablation`.") var file: String

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "Overrides one value of every run, or of the section, such as ablation.seeds=[1]; may be repeated.",
      valueName: "section.key=value"))
  var assignments: [String] = []

  @Flag(
    help:
      "Print the runs, what is done of them, their memory and what is left out, or what would be refused, and do nothing."
  )
  var dryRun = false

  func run() throws {
    // Before MPI starts, so that a request during the start is not lost.
    try StopFlag().watch()
    try onEveryRank(clearing: !dryRun) { communicator in
      communicator.status.limitSteps(toSeconds: RunConfiguration().train.stepLimit)
      let url = URL(fileURLWithPath: file)
      let section = AblationConfiguration.section
      let (ablation, base) = try communicator.agree {
        let base = try ConfigurationLoader().merge(
          file: url, assignments: assignments.filter { !$0.hasPrefix(section + ".") }, leavingOut: section)
        try base.validate()
        return (try AblationConfiguration(file: url, assignments: assignments), base.configuration)
      }
      try communicator.compare(base)
      try ablate(ablation, base, communicator)
    }
  }

  private func ablate(
    _ ablation: AblationConfiguration, _ base: RunConfiguration, _ communicator: any Communicator
  ) throws {
    let stop = try communicator.limits(of: base)
    let folder = URL(fileURLWithPath: base.run.folder)
    let main = RunObserver(
      terminal: .current(), metrics: MetricsLog(folder.appendingPathComponent("metrics.jsonl")))
    defer { main.end() }
    let line = StoreProgressLine(terminal: .current())
    defer { line.end() }
    let topology = try Topology.gather(among: communicator, threads: base.train.threads)
    let kernels = try communicator.kernelWarnings()
    if communicator.isController { (topology.warnings + kernels).forEach(main.warn) }
    let environment = RunEnvironment(
      program: Version.text, topology: topology, messagePassing: communicator.library,
      commit: try communicator.agree { .current() })
    let run = Ablation(
      ablation, file: URL(fileURLWithPath: file), assignments: assignments, base: base, communicator: communicator,
      stop: stop, environment: environment,
      observers: Ablation.Observers(
        main: main,
        run: { run in
          let name = run.pathComponents.suffix(3).joined(separator: "/")
          return RunLog(MetricsLog(run.appendingPathComponent("metrics.jsonl"))) { main.warn("\(name): \($0)") }
        }, store: line.show))
    if dryRun {
      let outline = try communicator.agree { communicator.isController ? try run.outline() : "" }
      print(outline, terminator: "")
      return
    }
    switch try run.run() {
    case .stopped(let signal):
      throw AgreedError(
        UserError(
          .stopped, "stopped by \(StopFlag.name(of: signal)); what is done is kept in \(folder.path)",
          remedy: "run the same command again to go on"))
    case .finished(let report):
      if communicator.isController { print("\n" + report.text() + "\n\(folder.path)/\(AblationReport.fileName)") }
    }
  }
}
