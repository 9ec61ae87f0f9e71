import Distillation
import Foundation
import Training

/// The steps of a run as TensorBoard shows them: a folder a phase, in it a file a start of the program.
///
/// A file says first at which step it goes on, upon which TensorBoard forgets what an earlier file holds of that step and
/// later ones: steps that are done again after a resume stand once.
public final class TensorBoardLog {
  private let folder: URL
  private let clock: () -> Date
  private var open: (phase: String, file: EventFile)?

  /// - Parameter folder: made with the first step.
  public init(_ folder: URL, clock: @escaping () -> Date = Date.init) {
    self.folder = folder
    self.clock = clock
  }

  /// Adds a step's numbers. - Throws: what the file system refuses.
  public func append(_ record: StepRecord, phase: String) throws {
    try append(Self.scalars(record), step: record.step, phase: phase)
  }

  /// Adds what an evaluation gave. - Throws: as above.
  public func append(_ score: Scores.Score, of metric: String, phase: String) throws {
    let tag = metric.lowercased().replacingOccurrences(of: " ", with: "_")
    // The step itself stands in an earlier file where a run goes on with its evaluation.
    try append(["evaluation/" + tag: score.value], step: score.step, phase: phase, start: score.step + 1)
  }

  /// - Parameter start: the first step of which earlier files are forgotten, where this begins a file; nil: this one.
  private func append(_ scalars: [String: Double], step: Int, phase: String, start: Int? = nil) throws {
    let seconds = clock().timeIntervalSince1970
    let file = try file(of: phase, at: start ?? step, seconds: seconds)
    var event = Self.event(step, seconds)
    event.summary.value = scalars.sorted { $0.key < $1.key }.map { tag, value in
      var scalar = TensorBoardSummary.Value()
      scalar.tag = tag
      scalar.simpleValue = Float(value)
      return scalar
    }
    try file.append(event)
  }

  private func file(of phase: String, at step: Int, seconds: Double) throws -> EventFile {
    if let open, open.phase == phase { return open.file }
    let file = try EventFile(in: folder.appendingPathComponent(phase), seconds: seconds)
    var event = Self.event(step, seconds)
    event.sessionLog.status = .start
    try file.append(event)
    open = (phase, file)
    return file
  }

  private static func event(_ step: Int, _ seconds: Double) -> TensorBoardEvent {
    var event = TensorBoardEvent()
    event.wallTime = seconds
    event.step = Int64(step)
    return event
  }

  /// A step's numbers by tag; what stands before the stroke is a group of TensorBoard's page.
  static func scalars(_ record: StepRecord) -> [String: Double] {
    var scalars = [
      "optimizer/learning_rate": record.learningRate, "optimizer/refused": record.refusal == nil ? 0 : 1,
      "speed/samples_per_second": record.samplesPerSecond, "seconds/step": record.seconds,
    ]
    scalars["optimizer/gradient_norm"] = record.gradientNorm
    if record.seconds > 0 { scalars["speed/gflops"] = record.operations / record.seconds / 1e9 }
    for (name, value) in record.losses {
      let term = LossTerm(rawValue: name)?.tag ?? (name == "loss" ? "total" : nil)
      scalars[term.map { "loss/" + $0 } ?? "detail/" + name] = value
    }
    for (name, value) in record.parts { scalars["seconds/" + name] = value }
    for (name, value) in record.norms ?? [:] { scalars["norm/" + (LossTerm(rawValue: name)?.tag ?? name)] = value }
    for (name, value) in record.factors ?? [:] { scalars["factor/" + (LossTerm(rawValue: name)?.tag ?? name)] = value }
    return scalars
  }
}

extension LossTerm {
  /// Its name in full.
  fileprivate var tag: String {
    switch self {
    case .crossEntropy: "cross_entropy"
    case .alignment: "alignment"
    case .relation: "relation"
    case .transport: "transport"
    case .divergence: "divergence"
    case .hidden: "hidden"
    case .embedding: "embedding"
    case .attention: "attention"
    case .sortedProbabilities: "sorted_probabilities"
    case .distance: "distance"
    case .angle: "angle"
    }
  }
}
