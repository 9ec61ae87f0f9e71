import ArgumentParser
import Cluster
import Corpus
import Experiments
import Foundation
import Reporting
import Tensors
import Training

struct TeachCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "teach", abstract: "* Runs a teacher over a data set and writes the teacher store (teacher.store).",
    discussion: """
      `train` with the same teacher.store learns from it and runs no teacher. SIGUSR1 or SIGUSR2 to mpirun ends with exit \
      code 75 after the sample in hand; the same command goes on there, on any number of ranks, with the same bytes. The \
      format is described in docs/teacher-store.md.
      """)

  @OptionGroup var options: ConfigurationOptions

  @Option(
    help: ArgumentHelp(
      "Write the samples a teacher would be asked for as JSON, for other programs to write the store, and do no more.",
      valueName: "file"))
  var requests: String?

  func run() throws {
    // Before MPI starts, so that a request during the start is not lost.
    try StopFlag().watch()
    try onEveryRank { communicator in
      communicator.status.limitSteps(toSeconds: RunConfiguration().train.stepLimit)
      let resolved = try communicator.agree { try options.resolved() }
      try communicator.compare(resolved.configuration)
      if let requests {
        try communicator.agree {
          if communicator.isController { try Self.write(requests, resolved.configuration) }
        }
        return
      }
      try teach(resolved.configuration, communicator)
    }
  }

  private func teach(_ configuration: RunConfiguration, _ communicator: any Communicator) throws {
    let stop = try communicator.limits(of: configuration)
    let runFolder = URL(fileURLWithPath: configuration.run.folder)
    let observer = RunObserver(
      terminal: .current(), metrics: MetricsLog(runFolder.appendingPathComponent("metrics.jsonl")),
      tensorBoard: TensorBoardLog(runFolder.appendingPathComponent("tensorboard")))
    defer { observer.end() }
    // A built-in teacher is trained first, and logs its steps there.
    if configuration.teacher.path.isEmpty { try Self.make(runFolder, communicator) }
    let line = StoreProgressLine(terminal: .current())
    defer { line.end() }
    let run = TeacherStoreRun(
      context: RunContext(communicator: communicator, configuration: configuration, stop: stop, observer: observer),
      progress: line.show)
    switch try run.run() {
    case .stopped(let signal):
      throw AgreedError(
        UserError(
          .stopped,
          "stopped by \(StopFlag.name(of: signal)); what is finished is kept in \(configuration.teacher.store)",
          remedy: "run the same command again to go on"))
    case .finished(let samples, let bytes):
      guard communicator.isController else { return }
      print("\(configuration.teacher.store): \(samples) samples, \(StoreEstimate.text(bytes))")
    }
  }

  private static func make(_ folder: URL, _ communicator: any Communicator) throws {
    try communicator.agree {
      guard communicator.isController else { return }
      do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
        throw UserError(
          .inputOutput, "the run folder \(folder.path) cannot be made: \(error.localizedDescription)",
          remedy: "choose another with --set run.folder=PATH")
      }
    }
  }

  private static func write(_ file: String, _ configuration: RunConfiguration) throws {
    let data = try TeacherStoreRun.requests(configuration)
    do { try data.write(to: URL(fileURLWithPath: file)) } catch {
      throw UserError(
        .inputOutput, "\(file) cannot be written: \(error.localizedDescription)", remedy: "name another file")
    }
    print("\(file): written")
  }
}
