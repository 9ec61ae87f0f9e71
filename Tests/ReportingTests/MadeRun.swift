import Evaluation
import Foundation
import Tensors
import Training

@testable import Reporting

/// A run folder with made contents, as `train` leaves one.
struct MadeRun {
  let folder: URL
  var seed: UInt64 = 1

  /// Answers of a model that is the surer the larger `skill`.
  func answers(_ skill: Double, count: Int = 80) -> [LabelAnswer] {
    var random = CounterRandom(seed: seed, purpose: "made answers \(skill)")
    var truths = CounterRandom(seed: 7, purpose: "made truths")
    return (0..<count).map { index in
      let drawn = PTBXLSuper.classes.filter { _ in truths.integer(below: 3) == 0 }
      let gold = Set(index == 0 ? ["MI"] : drawn)
      let probabilities = PTBXLSuper.classes.map { name in
        min(1, max(0, 0.5 + (gold.contains(name) ? skill : -skill) + 0.3 * random.normal()))
      }
      let said = zip(PTBXLSuper.classes, probabilities).filter { $1 > 0.5 }.map(\.0)
      return LabelAnswer(
        id: "made-\(index)", gold: gold, probabilities: probabilities, text: said.joined(separator: ", "))
    }
  }

  func record(_ step: Int, of steps: Int, phase: String = "student") -> StepRecord {
    let fall = exp(-Double(step) / 20)
    var losses = ["loss": 2 * fall + 0.1, "ce": fall + 0.2]
    if phase == "student" {
      losses.merge(["mhca": 100 * fall + 2, "rel": 0.4 * fall, "ot": 160 * fall + 20, "rel_A": 0.5, "sweeps": 12]) {
        $1
      }
    }
    return StepRecord(
      step: step, steps: steps, losses: losses, learningRate: 1e-3, gradientNorm: 3 * fall, seconds: 0.2,
      parts: ["compute": 0.15, "data": 0.01, "wait": 0.02, "fold": 0.005], slowest: 0, samplesPerSecond: 120,
      operations: 7e9,
      ranks: [.init(rank: 0, shards: [0, 2], samples: 16), .init(rank: 1, shards: [1, 3], samples: 16)])
  }

  /// Writes configuration, environment and steps.
  func write(steps: Int = 60, of all: Int = 60, settings: [String] = []) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let resolved = try ConfigurationLoader().load(
      assignments: ["run.folder='\(folder.lastPathComponent.replacingOccurrences(of: "'", with: "''"))'"] + settings)
    try put("config.yaml", Data(try resolved.yaml().utf8))
    try put(
      "environment.json",
      Data(
        #"""
        {"program": "evl-dist 0.1", "commit": null, "command": ["evl-dist", "train", "--set", "a b=<i>"],
         "started": "2026-01-02T03:04:05Z", "processor_type": "Haswell", "matrix_library": "OpenBLAS",
         "nodes": [{"host": "n1", "model": {"name": "<b>CPU</b>"}, "cores": 2, "ranks": [{"rank": 0, "threads": 1}]}],
         "ranks": [{"rank": 0, "host": "n1"}, {"rank": 1, "host": "n1"}]}
        """#.utf8))
    let log = MetricsLog(file("metrics.jsonl"))
    for step in 1...20 { try log.append(record(step, of: 20, phase: "teacher"), phase: "teacher") }
    for step in 1...steps { try log.append(record(step, of: all), phase: "student") }
  }

  /// Writes `results.json` and the answers behind it.
  func writeResults(answers isKept: Bool = true, count: Int = 80) throws {
    let models = [("teacher", 0.35), ("before", 0.0), ("after", 0.25)].map { ($0, answers($1, count: count)) }
    let task = LabelMetrics(
      trained: .superclasses, subset: "made records", bootstrap: try Bootstrap(seed: 1, replicates: 100, level: 0.95))
    let results = RunResults(
      folder: folder.path, subset: "made records", teacher: try task.report(models[0].1),
      before: try task.report(models[1].1), after: try task.report(models[2].1))
    try put("results.json", try JSONEncoder().encode(results))
    guard isKept else { return }
    for (name, answers) in models {
      try put("answers-\(name).jsonl", try KeptAnswers(answers.map { KeptAnswer($0) }).jsonLines())
    }
  }

  /// Writes what `ablate` leaves of a run: the scores of its student, and its answers, two records a patient.
  func writeAblationResults() throws {
    let said = answers(0.25).enumerated().map { index, answer in
      var answer = answer
      answer.subject = "patient \(index / 2)"
      return answer
    }
    let task = LabelMetrics(
      trained: .superclasses, subset: "made records", bootstrap: try Bootstrap(seed: 1, replicates: 100, level: 0.95))
    let results = RunResults(folder: folder.path, subset: "made records", after: try task.report(said))
    try put("results.json", try JSONEncoder().encode(results))
    try AblationAnswers(subset: "made records", seconds: 12, said).write(to: folder)
  }

  private struct RunResults: Encodable {
    var folder: String
    var subset: String
    var teacher: LabelReport?
    var before: LabelReport?
    var after: LabelReport
  }

  func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

  func put(_ name: String, _ data: Data) throws { try data.write(to: file(name)) }

  func reported(finished: Bool = true) throws -> ReportedRun {
    try ReportedRun(folder, state: .init(text: finished ? "finished" : "running", isFinished: finished))
  }

  func html(
    plans: Result<PlanExhibits, MissingExhibit> = .failure(MissingExhibit(reason: "No plans.", remedy: ""))
  ) throws -> String {
    try RunReport(try reported(), plans: plans, program: "evl-dist", date: Date(timeIntervalSince1970: 0)).html()
  }
}
