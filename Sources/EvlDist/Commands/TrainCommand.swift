import ArgumentParser
import Cluster
import Experiments
import Foundation
import Reporting
import Tensors
import Training

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "* Distils a teacher into a student; the main job.",
    discussion: """
      SIGUSR1 or SIGUSR2 to mpirun saves the state and ends with exit code 75; the same command goes on. launch/local turns
      SIGTERM and Ctrl-C into such a request; mpirun by itself kills its ranks about a second after SIGTERM.
      """)

  @OptionGroup var options: ConfigurationOptions

  @Option(
    help:
      "auto: continue from the newest sound checkpoint; never: refuse a run folder that is not empty; PATH: continue from that checkpoint."
  )
  var resume = "auto"

  @Flag(help: "Print the resolved configuration, memory and step count, or what train would refuse, and do nothing.")
  var dryRun = false

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Write that student step, counted from 1, as a loss case.", valueName: "step path"))
  var dumpCase: [String] = []

  func validate() throws {
    guard dumpCase.isEmpty || (dumpCase.count == 2 && (Int(dumpCase[0]) ?? 0) > 0) else {
      throw ValidationError("--dump-case takes a step, counted from 1, and a path")
    }
  }

  func run() throws {
    // Before MPI starts, so that a request during the start is not lost.
    try StopFlag().watch()
    try onEveryRank(clearing: !dryRun) { communicator in
      communicator.status.limitSteps(toSeconds: RunConfiguration().train.stepLimit)
      let resolved = try communicator.agree { try options.resolved() }
      try communicator.compare(resolved.configuration)
      if dryRun {
        let plan = try communicator.agree {
          try RunPlan(
            resolved, ranks: communicator.size, ranksPerNode: communicator.localSize,
            isController: communicator.isController, resume: resumption, dump: dumped)
        }
        if communicator.isController { print(try plan.text(), terminator: "") }
        return
      }
      try train(resolved, communicator)
    }
  }

  private func train(_ resolved: ResolvedConfiguration, _ communicator: any Communicator) throws {
    let stop = try communicator.limits(of: resolved.configuration)
    let folder = URL(fileURLWithPath: resolved.configuration.run.folder)
    let observer = RunObserver(
      terminal: .current(), metrics: MetricsLog(folder.appendingPathComponent("metrics.jsonl")),
      tensorBoard: TensorBoardLog(folder.appendingPathComponent("tensorboard")))
    defer { observer.end() }
    let topology = try Topology.gather(among: communicator, threads: resolved.configuration.train.threads)
    let kernels = try communicator.kernelWarnings()
    if communicator.isController {
      observer.note(
        "\(Version.text): \(Self.count(communicator.size, "rank")) on \(Self.count(communicator.nodeCount, "node")), run folder \(folder.path)"
      )
      (topology.warnings + kernels).forEach(observer.warn)
    }
    let context = RunContext(
      communicator: communicator, configuration: resolved.configuration, stop: stop, observer: observer)
    let run = DistillationRun(
      context: context, resolved: resolved,
      environment: RunEnvironment(
        program: Version.text, topology: topology, messagePassing: communicator.library,
        commit: communicator.isController ? .current() : .unknown))
    switch try run.run(resume: resumption, dump: dumped) {
    case .stopped(let signal, let folder):
      throw AgreedError(
        UserError(
          .stopped, "stopped by \(StopFlag.name(of: signal)); the state is saved in \(folder.path)",
          remedy: "run the same command again to go on"))
    case .finished(let summary):
      if communicator.isController { print("\n" + summary.table() + "\n" + summary.paths()) }
    }
  }

  private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  private var dumped: (step: Int, file: URL)? {
    dumpCase.count == 2 ? (step: Int(dumpCase[0]) ?? 1, file: URL(fileURLWithPath: dumpCase[1])) : nil
  }

  private var resumption: Resume {
    switch resume {
    case "auto": .auto
    case "never": .never
    default: .from(URL(fileURLWithPath: resume))
    }
  }
}
