import Foundation
import Models
import Tensors
import Training

extension Benchmarks {
  /// Answers about one image: the time to the first token, and the pace of the others against the memory's.
  ///
  /// The shape is the one given, or that of the built-in student; it is timed with its matrices in bfloat16 and as they
  /// are.
  func generation() throws -> [Result] {
    let configuration: any ModelConfiguration
    if let shape {
      configuration = try Idefics3Configuration(contentsOf: shape.folder.appendingPathComponent("config.json"))
    } else {
      configuration = try ModelBlueprint(builtIn: .student, view: RunConfiguration().data.view).configuration
    }
    guard let configuration = configuration as? Idefics3Configuration else {
      throw UserError(.internalFault, "the built-in models are of the Idefics3 family")
    }
    let benchmark = GenerationBenchmark(configuration, team: ThreadTeam(threads: threads))
    // Before every answer: other programs take their share of the memory, and come and go.
    var bandwidths: [Double] = []
    let results = try benchmark.run(repetitions: repetitions) {
      bandwidths.append(MemoryBandwidth.measure(threads: threads))
    }
    let fastest = bandwidths.max() ?? 0
    let memory = Result(
      "memory read by \(threads) \(threads == 1 ? "thread" : "threads")", bandwidths.map { $0 * 1e-9 }, unit: "GB/s")
    return [memory]
      + results.flatMap { result in
        [
          Result(
            "first token, \(result.precision.rawValue) weights", result.paces.compactMap(\.firstToken), unit: "s",
            note: "one image, \(configuration.tokensPerImage + benchmark.textTokens) tokens"),
          Result(
            "further tokens, \(result.precision.rawValue) weights", result.paces.compactMap(\.tokensPerSecond),
            unit: "tokens/s", note: share(of: result.paces, bandwidth: fastest)),
        ]
      }
  }

  /// What the median answer read, as a share of the best that memory gave.
  private func share(of paces: [GenerationPace], bandwidth: Double) -> String {
    let speeds = paces.compactMap(\.bytesPerSecond).sorted()
    guard let bytes = paces.first?.weightBytes, !speeds.isEmpty else { return "" }
    let speed = speeds[speeds.count / 2]
    return String(
      format: "%.1f MB of weights a token, %.1f GB/s, %.0f%% of the memory's", Double(bytes) * 1e-6, speed * 1e-9,
      100 * speed / bandwidth)
  }
}
