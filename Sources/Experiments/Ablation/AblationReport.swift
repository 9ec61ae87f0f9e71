import Evaluation
import Foundation
import Tensors
import Training

/// The tables of an ablation: every method under every condition, over its seeds, beside the method all are compared with.
public struct AblationReport: Codable, Sendable, Equatable {
  public struct Score: Codable, Sendable, Equatable {
    public var metric: String
    /// The mean over seeds; its interval is over records and seeds.
    public var mean: Estimate
    /// Of each seed; absent where undefined.
    public var seeds: [Double?]
    /// Minus that of the method compared with; absent for that method itself.
    public var difference: PairedDifference?
  }

  public struct Row: Codable, Sendable, Equatable {
    public var method: String
    /// What its values are beside the configuration's own.
    public var settings: [String]
    public var paper: Double?
    /// Why it was left out; absent where it was not.
    public var skipped: String?
    /// Of runs that came to nothing, seed and reason; such a method has no scores.
    public var failures: [String]
    /// Optimiser steps of each of its runs.
    public var steps: Int
    /// Seconds of each run's last start.
    public var seconds: [Double]
    public var scores: [Score]
    /// The same on the records of several superclasses alone; empty where there are too few of them.
    public var combined: [Score]
  }

  /// What the results were made by, and of.
  public struct Origin: Codable, Sendable, Equatable {
    /// Name and version of the program that made the report.
    public var program: String
    /// Of its sources; absent where it is not certain.
    public var commit: String?
    /// Programs that the runs were made by, each once, with their commits where these are certain.
    public var programs: [String]
    /// The configuration that all runs vary, by key.
    public var configuration: [String: String]
  }

  /// Classes that macro AUC leaves out, since no record carries them or all do.
  public struct UndefinedClasses: Codable, Sendable, Equatable {
    public var all: [String]
    /// Among the records of several superclasses.
    public var combined: [String]
  }

  public struct Table: Codable, Sendable, Equatable {
    public var condition: String
    public var settings: [String]
    public var rows: [Row]
  }

  public struct Groups: Codable, Sendable, Equatable {
    /// What they are: patients.
    public var name: String
    public var count: Int
  }

  public var origin: Origin
  public var subset: String
  public var records: Int
  /// Which groups these are of, patients for one, that resamples draw; absent where they draw records.
  public var groups: Groups?
  /// Of them, those of two or more superclasses.
  public var combinedRecords: Int
  /// What exact-set accuracies are to be held against; absent in results of earlier versions.
  public var commonestSet: CommonestSet?
  /// Of a run, where a method does not set its own.
  public var steps: Int
  public var seeds: [UInt64]
  public var comparedWith: String
  public var bootstrap: Bootstrap
  public var undefinedClasses: UndefinedClasses
  public var tables: [Table]
  /// Of the teacher that all runs learned from; absent where it was not at hand, or not asked for.
  public var teacher: Row?
  public var searches: [Search]
  public var note: String
  /// What the tables must be read with.
  public var remarks: [String]

  public static let fileName = "ablation.json"

  /// - Throws: `UserError` for a run whose answers cannot be read or are about other records.
  init(
    _ ablation: AblationConfiguration, _ base: RunConfiguration, _ plan: AblationPlan, records scored: ScoredRecords,
    searches: [Search], teacher: AblationAnswers?, origin: Origin
  ) throws {
    subset = scored.subset
    self.searches = searches
    self.origin = origin
    steps = base.train.steps
    seeds = ablation.seeds
    comparedWith = ablation.comparedWith
    (note, remarks) = (ablation.note, [])
    bootstrap = try base.bootstrap()
    tables = []
    // Of the truth: what a method's runs came to says nothing of it. Records without a label are not scored.
    records = scored.samples.count { !$0.labels.isEmpty }
    combinedRecords = scored.samples.count { $0.labels.count > 1 }
    groups = scored.samples.lazy.compactMap(\.group).first.map {
      Groups(name: $0.plural, count: Set(scored.samples.map(\.subject)).count)
    }
    let scoring = Scoring(
      task: LabelMetrics(trained: scored.questions, subset: subset, bootstrap: bootstrap),
      subjects: Dictionary(scored.samples.map { ($0.id, $0.subject) }, uniquingKeysWith: { first, _ in first }))
    commonestSet = CommonestSet(scored.samples, among: scored.questions.labels.map(\.name), bootstrap)
    undefinedClasses = UndefinedClasses(
      scored.samples.map(\.labels), among: scored.questions.labels.map(\.name))
    self.teacher = try teacher.map { answers in
      let (all, combined) = try scoring.scores([[answers]])
      return Row(
        method: "teacher", settings: [], failures: [], steps: base.teacher.path.isEmpty ? base.teacher.steps : 0,
        seconds: [answers.seconds], scores: try Self.scores(all, nil, bootstrap),
        combined: try Self.scores(combined, nil, bootstrap))
    }
    for condition in ablation.conditions {
      let found = try ablation.methods.map { method in
        try Runs(of: method, condition.name, in: plan, scoring)
      }
      let reference = found[ablation.methods.firstIndex { $0.name == comparedWith } ?? 0]
      tables.append(
        Table(
          condition: condition.name, settings: condition.set,
          rows: try zip(ablation.methods, found).map { method, runs in
            let other = method.name == comparedWith ? nil : reference
            return Row(
              method: method.name, settings: runs.settings ?? method.set, paper: method.paper,
              skipped: plan.skipped.first { ($0.condition, $0.method) == (condition.name, method.name) }?.reason,
              failures: runs.failures, steps: runs.steps ?? base.train.steps, seconds: runs.seconds,
              scores: try Self.scores(runs.all, other?.all, bootstrap),
              combined: try Self.scores(runs.combined, other?.combined, bootstrap))
          }))
    }
    remarks = generalRemarks()
  }

  /// The runs of one method under one condition.
  private struct Runs {
    /// Nil without a run.
    var settings: [String]?
    var steps: Int?
    var failures: [String]
    var seconds: [Double]
    /// On all records; nil without a run, or where one came to nothing.
    var all: SeedScores?
    /// On those of several superclasses; nil where there are too few.
    var combined: SeedScores?

    init(
      of method: AblationConfiguration.Variant, _ condition: String, in plan: AblationPlan, _ scoring: Scoring
    ) throws {
      let runs = plan.runs.filter { ($0.condition, $0.method) == (condition, method.name) }
      let answers = try runs.map { try AblationAnswers(in: $0.folder) }
      settings = runs.first?.assignments
      seconds = answers.map(\.seconds)
      steps = runs.first?.resolved.configuration.train.steps
      failures = zip(runs, answers).compactMap { run, answers in
        answers.failure.map { "seed \(run.seed)\(run.fold.map { ", fold \($0)" } ?? ""): \($0)" }
      }
      guard !runs.isEmpty, failures.isEmpty else { return }
      // The answers of a seed about all folds are those of one method about all records.
      let seeds = runs.map(\.seed).reduce(into: [UInt64]()) { if !$0.contains($1) { $0.append($1) } }
      (all, combined) = try scoring.scores(
        seeds.map { seed in zip(runs, answers).filter { $0.0.seed == seed }.map(\.1) })
    }
  }

  /// How answers are scored.
  private struct Scoring {
    var task: LabelMetrics
    /// By record, what a resample draws.
    var subjects: [String: String]

    /// Of runs alike but for their seeds, each with its answers fold by fold: on all records, and on those of several
    /// superclasses; nil where there are too few.
    func scores(_ runs: [[AblationAnswers]]) throws -> (all: SeedScores, combined: SeedScores?) {
      let answers = runs.map { folds in folds.flatMap { $0.scored(subjects: subjects) } }
      let several = answers.map { $0.filter { $0.gold.count > 1 } }
      return (
        try task.seeds(answers, inFull: true),
        several[0].count >= AblationReport.fewestCombined ? try task.seeds(several) : nil
      )
    }
  }

  /// Records below which a score on combinations would say nothing.
  static let fewestCombined = 20

  private static func scores(
    _ found: SeedScores?, _ reference: SeedScores?, _ bootstrap: Bootstrap
  ) throws -> [Score] {
    guard let found else { return [] }
    let (means, each) = (found.means(bootstrap), found.each)
    let differences = try reference.map { try found.differences(from: $0, bootstrap) }
    return found.metrics.indices.map { metric in
      Score(
        metric: found.metrics[metric], mean: means[metric], seeds: each.map { $0[metric] },
        difference: differences?[metric])
    }
  }

  /// Writes `ablation.json` and `ablation.txt`.
  func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try encoder.encode(self).write(to: folder.appendingPathComponent(Self.fileName), options: .atomic)
      try Data(text().utf8).write(to: folder.appendingPathComponent("ablation.txt"), options: .atomic)
    } catch {
      throw UserError(
        .inputOutput, "the results cannot be written to \(folder.path): \(error.localizedDescription)",
        remedy: "make room or mend permissions, then run the same command again; all runs are done")
    }
  }

  static func number(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "undefined" }
}

extension AblationReport.UndefinedClasses {
  /// - Parameters:
  ///   - truth: the classes of each scored record.
  ///   - classes: all there are.
  init(_ truth: [Set<String>], among classes: [String]) {
    func undefined(_ records: [Set<String>]) -> [String] {
      classes.filter { name in
        let carried = records.count { $0.contains(name) }
        return carried == 0 || carried == records.count
      }
    }
    all = undefined(truth.filter { !$0.isEmpty })
    combined = undefined(truth.filter { $0.count > 1 })
  }
}
