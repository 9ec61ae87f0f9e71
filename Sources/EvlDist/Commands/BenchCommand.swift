import ArgumentParser
import Cluster
import Evaluation
import Experiments
import Foundation
import Tensors

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "* Times matrix products, models, losses, Sinkhorn, reduction, a whole training step and generation.")

  @Argument(help: "One of \(Benchmarks.names.joined(separator: ", ")); all when left out.") var name: String?
  @Option(help: "Runs of each.") var repetitions = 7
  @Option(
    help:
      "With model, engine or generation: a folder with a config.json of the Idefics3 family, timed with random weights.",
    transform: URL.init(fileURLWithPath:))
  var shape: URL?
  @Option(help: "With --shape: f32 or bf16.") var precision = Tensors.Precision.f32
  @Flag(help: "With --shape: blocks keep their input alone and are computed again in backward.") var recompute = false
  @Option(help: "With --shape: tokens of text behind those of the image.") var textTokens = 128
  @Option(help: "With engine and --shape: shards of a step, one sample each.") var shards = 8
  @Option(help: "With generation: threads; as many as the process may use when left out.") var threads: Int?
  @Flag(help: "Result as JSON.") var json = false

  func validate() throws {
    if let name, !Benchmarks.names.contains(name) {
      throw ValidationError("there is no benchmark \(name); there are \(Benchmarks.names.joined(separator: ", "))")
    }
    guard (1...1000).contains(repetitions) else { throw ValidationError("--repetitions is from 1 to 1000") }
    guard shape == nil || ["model", "engine", "generation"].contains(name) else {
      throw ValidationError("--shape is for the benchmarks model, engine and generation")
    }
    guard (1...10_000).contains(shards) else { throw ValidationError("--shards is from 1 to 10000") }
    guard threads == nil || name == "generation" else {
      throw ValidationError("--threads is for the benchmark generation")
    }
    try ThreadsOption.check(threads)
    guard (1...100_000).contains(textTokens) else { throw ValidationError("--text-tokens is from 1 to 100000") }
  }

  func run() throws {
    try onEveryRank { communicator in
      ProductLibrary.setThreads(1)
      let benchmarks = Benchmarks(
        communicator: communicator, repetitions: repetitions,
        shape: shape.map {
          Benchmarks.ModelShape(
            folder: $0, precision: precision, recomputesBlocks: recompute, textTokens: textTokens, shards: shards)
        }, threads: threads ?? UsableProcessors.count)
      let results = try (name.map { [$0] } ?? Benchmarks.names).flatMap { try benchmarks.run($0) }
      guard communicator.isController else { return }
      if json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(results), as: UTF8.self))
        return
      }
      var table = TextTable()
      table.heading("Benchmark", "min", "median", "max", "unit", "")
      for result in results {
        table.row(
          [result.name] + [result.minimum, result.median, result.maximum].map { String(format: "%.3g", $0) }
            + [result.unit, result.note])
      }
      print(table.render(), terminator: "")
    }
  }
}

extension Tensors.Precision: ExpressibleByArgument {}
