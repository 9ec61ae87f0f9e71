import Corpus
import Foundation
import Tensors
import Training

/// The runs of an ablation, and where each has its folder.
public struct AblationPlan: Sendable {
  /// One run: a method under a condition with a seed.
  public struct Run: Sendable {
    public var condition: String
    public var method: String
    public var seed: UInt64
    /// The fold it is scored on, where that is not the same for all.
    public var fold: Int?
    /// What its values are beside the configuration's own, as after `--set`.
    public var assignments: [String]
    public var resolved: ResolvedConfiguration

    public var name: String {
      "\(condition), \(method), seed \(seed)" + (fold.map { ", fold \($0)" } ?? "")
    }
    public var folder: URL { URL(fileURLWithPath: resolved.configuration.run.folder) }
  }

  /// A method that cannot be run with these models, and why.
  public struct Skipped: Sendable, Equatable {
    public var condition: String
    public var method: String
    public var reason: String
  }

  /// Seed by seed, so that whole tables are there early.
  public var runs: [Run]
  public var skipped: [Skipped]
  /// What the records that all runs are scored on are asked.
  let questions: QuestionSet

  /// What all runs of an ablation share.
  struct Common {
    /// The configuration file and the assignments that all runs have.
    var file: URL
    var assignments: [String]
    var base: RunConfiguration
    /// What the scored records are asked.
    var questions = QuestionSet.superclasses
    /// The fold that is scored, where that is not the same for all runs; `base` has it, too.
    var fold: Int?
    /// Folder of the teacher that has run or is trained; nil where no method needs one.
    var teacher: URL?
    /// Folder of the store; nil where no method reads one.
    var store: URL?
  }

  /// The runs of the tables.
  ///
  /// - Parameter found: the assignments that each grid found, for the methods it names; fewer than there are grids: of the
  ///   first ones.
  init(_ ablation: AblationConfiguration, _ common: Common, found: [[String]]) throws {
    (runs, skipped, questions) = ([], [], common.questions)
    for seed in ablation.seeds {
      for condition in ablation.conditions {
        for method in ablation.methods {
          let chosen = zip(ablation.grids, found).filter { $0.0.chosenFor.contains(method.name) }.flatMap(\.1)
          try add(
            seed, method.name, condition.name, condition.set + chosen + method.set,
            ["runs", condition.name, method.name],
            common)
        }
      }
    }
  }

  /// The runs of several folds. - Precondition: there is one, and all are of one ablation.
  init(_ folds: [AblationPlan]) {
    runs = folds.flatMap(\.runs)
    (skipped, questions) = (folds[0].skipped, folds[0].questions)
  }

  /// The runs of the grid, each combination as a method of its own; the first axis varies slowest.
  init(grid: AblationConfiguration.Grid, of ablation: AblationConfiguration, _ common: Common) throws {
    (runs, skipped, questions) = ([], [], common.questions)
    let method = ablation.methods.first { $0.name == grid.method }?.set ?? []
    let condition = ablation.conditions.first { $0.name == grid.condition }?.set ?? []
    let folds = common.base.evaluation.trainFolds.filter { $0 != grid.fold }
    guard folds.count < common.base.evaluation.trainFolds.count else {
      throw UserError(
        .usage, "a grid of ablation.grids has the fold \(grid.fold), which is not among evaluation.train_folds",
        remedy: "the grid is scored on a fold that is trained on otherwise")
    }
    let held = Self.scoring(grid.fold, trainedOn: folds)
    for seed in grid.seeds {
      for point in Self.points(grid) {
        try add(
          seed, point.joined(separator: ", "), grid.condition, condition + method + point,
          ["grids", grid.method] + point.map { Self.folderName($0) }, common, held: held)
      }
    }
  }

  private static func scoring(_ fold: Int, trainedOn folds: [Int]) -> [String] {
    ["evaluation.fold=\(fold)", "evaluation.train_folds=\(folds)"]
  }

  /// Every combination of a grid's values, as assignments.
  static func points(_ grid: AblationConfiguration.Grid) -> [[String]] {
    grid.over.reduce([[]]) { points, axis in
      points.flatMap { point in axis.values.map { point + ["\(axis.key)=\($0)"] } }
    }
  }

  private mutating func add(
    _ seed: UInt64, _ method: String, _ condition: String, _ own: [String], _ path: [String], _ common: Common,
    held: [String] = []
  ) throws {
    guard !skipped.contains(where: { ($0.condition, $0.method) == (condition, method) }) else { return }
    let folder = path.reduce(URL(fileURLWithPath: common.base.run.folder)) {
      $0.appendingPathComponent(Self.folderName($1))
    }.appendingPathComponent("seed-\(seed)")
    var assignments = [
      // All runs see the same records and the same looks of them, those that the store has.
      "data.seed=\(common.base.dataSeed)", "data.augmentation.draws=\(common.base.teacher.variants)",
    ]
    if let fold = common.fold { assignments += Self.scoring(fold, trainedOn: common.base.evaluation.trainFolds) }
    if let store = common.store { assignments.append("teacher.store=\(Self.quoted(store.path))") }
    assignments +=
      own + held + ["run.seed=\(seed)", "run.folder=\(Self.quoted(folder.path))", "evaluation.enabled=false"]
    let loader = ConfigurationLoader()
    let sections = common.assignments.filter { !$0.hasPrefix(AblationConfiguration.section + ".") }
    func resolve(_ more: [String]) throws -> ResolvedConfiguration {
      try loader.merge(
        file: common.file, assignments: sections + assignments + more, leavingOut: AblationConfiguration.section)
    }
    var resolved = try resolve([])
    // The teacher runs where no store stands for it: the one all share, not another one of this seed.
    if resolved.configuration.objective.needsTeacher, resolved.configuration.teacher.store.isEmpty,
      let teacher = common.teacher
    {
      resolved = try resolve(["teacher.path=\(Self.quoted(teacher.path))"])
    }
    do { try resolved.validate() } catch let error as UserError {
      throw UserError(error.kind, "\(condition), \(method): \(error.message)", remedy: error.remedy)
    }
    if let reason = try Self.refusal(resolved.configuration) {
      return skipped.append(Skipped(condition: condition, method: method, reason: reason))
    }
    try Self.refuseOtherRecords(resolved, common.base, "\(condition), \(method)", held: held)
    guard !runs.contains(where: { $0.folder == folder }) else {
      throw UserError(
        .usage, "ablation: two runs would have the folder \(folder.path)",
        remedy: "give variants names that differ more")
    }
    runs.append(
      Run(
        condition: condition, method: method, seed: seed, fold: common.fold, assignments: own, resolved: resolved))
  }

  /// All runs of a table are scored on the same records and taught by one teacher of one kind of data.
  private static func refuseOtherRecords(
    _ resolved: ResolvedConfiguration, _ base: RunConfiguration, _ name: String, held: [String]
  ) throws {
    var expected = base.evaluation
    expected.enabled = false
    let own = resolved.configuration
    if held.isEmpty, own.evaluation != expected {
      throw UserError(
        .usage, "\(name): a variant sets evaluation, and runs that are scored otherwise cannot be compared",
        remedy: "set it for all runs, in the file's section evaluation")
    }
    guard own.data.kind == base.data.kind, own.data.path == base.data.path, own.data.view == base.data.view,
      own.data.eeg == base.data.eeg
    else {
      throw UserError(
        .usage,
        "\(name): a variant sets data.kind, data.path, data.view or data.eeg, but all runs learn from one teacher's store",
        remedy: "make an ablation of its own, with another run.folder")
    }
  }

  /// Why a method cannot learn from this teacher; nil where it can.
  private static func refusal(_ configuration: RunConfiguration) throws -> String? {
    guard configuration.objective.needsTeacher else { return nil }
    let student = try DistillationRun.studentBlueprint(configuration)
    let teacher = try DistillationRun.teacherBlueprint(configuration)
    do { try configuration.objective.check(student: student, teacher: teacher) } catch let error as UserError {
      return error.message
    }
    return nil
  }

  /// A path as YAML takes it for a text, whatever is in it.
  private static func quoted(_ path: String) -> String {
    "\"" + path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// A name as a folder's: letters, digits, dots and dashes.
  static func folderName(_ name: String) -> String {
    // Of a number's sign and exponent a letter is kept.
    let signed = name.lowercased().replacing("=-", with: "=minus").replacing("e-", with: "em")
    let kept = signed.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" }
    return String(kept).split(separator: "-").joined(separator: "-")
  }
}
