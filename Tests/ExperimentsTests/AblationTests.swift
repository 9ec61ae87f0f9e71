import Foundation
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

/// The section `ablation` of a configuration, and the runs it stands for.
@Suite struct AblationTests {
  private static let section = """
    ablation:
      seeds: [3, 4]
      compared_with: CE
      methods:
        - {name: CE, set: [objective.method=ce]}
        - {name: EVL, paper: 66.5}
        - {name: KL, set: [objective.method=kl]}
        - {name: TinyBERT, set: [objective.method=tinybert, teacher.store=]}
      conditions:
        - {name: a tenth, set: [train.labelled=0.1]}
        - {name: all}

    """

  private func with<T>(_ text: String, _ body: (URL) throws -> T) throws -> T {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.yaml")
      try Data(text.utf8).write(to: file)
      return try body(file)
    }
  }

  private func message(_ text: String, _ assignments: [String] = []) throws -> String {
    try with(text) { file in
      do {
        _ = try AblationConfiguration(file: file, assignments: assignments)
        return ""
      } catch let error as UserError {
        #expect(error.kind == .usage)
        return error.message
      }
    }
  }

  private func common(_ file: URL, _ assignments: [String] = [], teacher: String? = nil) throws -> AblationPlan.Common {
    let base = try ConfigurationLoader().merge(file: file, assignments: assignments, leavingOut: "ablation")
    return AblationPlan.Common(
      file: file, assignments: assignments, base: base.configuration, teacher: teacher.map { URL(fileURLWithPath: $0) },
      store: URL(fileURLWithPath: "/stores/one \"two\" #3"))
  }

  @Test func aValueOfAnotherKindIsNamedInWords() throws {
    #expect(try message(Self.section, ["ablation.seeds=1"]).hasSuffix("seeds is not a list, such as [1, 2]"))
    #expect(try message(Self.section, ["ablation.seeds=[a]"]).hasSuffix("seeds[0] is not a whole number"))
    #expect(try message(Self.section, ["ablation.together=3"]).hasSuffix("together is not true or false"))
  }

  @Test func theSectionIsReadWithItsDefaultsAndAssignments() throws {
    try with(Self.section) { file in
      let ablation = try AblationConfiguration(file: file, assignments: ["ablation.seeds=[9]", "train.steps=3"])
      #expect(ablation.seeds == [9] && ablation.comparedWith == "CE" && !ablation.together && ablation.grids.isEmpty)
      #expect(ablation.methods.map(\.paper) == [nil, 66.5, nil, nil])
      #expect(ablation.conditions.map(\.set) == [["train.labelled=0.1"], []])
    }
  }

  @Test(arguments: [
    ("seeds: [3, 4]", "seeds: [3, 3]", "seeds"), ("seeds: [3, 4]", "seeds: [-1]", "seeds"),
    ("seeds: [3, 4]", "seeds: []", "seeds"), ("seeds: [3, 4]", "seed: [3]", "seeds is missing"),
    ("compared_with: CE", "compared_with: XX", "XX"), ("name: EVL", "name: ce", "same name"),
    ("name: EVL", "name: \"..\"", "no letter or digit"), ("name: EVL", "nam: EVL", "methods[1].name is missing"),
    ("paper: 66.5", "papr: 66.5", "unknown key ablation.methods[1].papr"), ("paper: 66.5", "set: 3", "methods[1].set"),
    ("ablation:", "ablation:\n  togther: true", "unknown key ablation.togther"),
    ("ablation:", "ablation:\n  folds: [1]", "folds holds a single fold"),
    ("ablation:", "ablation:\n  folds: [1, 2, 1]", "or one twice"),
    (
      "ablation:",
      "ablation:\n  folds: [1, 2]\n  grids: [{fold: 8, seeds: [1], method: EVL, condition: all, chosen_for: [], over: []}]",
      "folds and grids"
    ),
    ("ablation:", "ablation:\n  note: 2020-01-01", "ablation"), ("ablation:", "other:", "no section ablation"),
    (
      "ablation:",
      "ablation:\n  grids: [{fold: 8, seeds: [1], method: EVX, condition: all, chosen_for: [], over: [{key: a, values: [1]}]}]",
      "EVX"
    ),
    (
      "ablation:",
      """
      ablation:
        grids:
        - {fold: 8, seeds: [1], method: EVL, condition: all, chosen_for: [EVL], over: [{key: objective.alpha, values: [1]}]}
        - {fold: 7, seeds: [1], method: CE, condition: all, chosen_for: [EVL], over: [{key: objective.alpha, values: [1]}]}
      """,
      "two grids choose objective.alpha of EVL"
    ),
  ])
  func whatIsWrongIsNamed(old: String, new: String, expected: String) throws {
    let found = try message(Self.section.replacing(old, with: new, maxReplacements: 1))
    #expect(found.contains(expected), "\(found)")
  }

  @Test func namesOfNumbersStayApart() {
    let names = ["a=0.5", "a=-0.5", "a=5e-05", "a=5e05", "a=0.05"].map(AblationPlan.folderName)
    #expect(Set(names).count == names.count, "\(names)")
  }

  @Test func aSectionThatIsNoMappingIsRefused() throws {
    #expect(try message("ablation: 3\n").contains("not a mapping"))
    #expect(try message("run: {seed: 1}\n").contains("no section"))
  }

  @Test func everyMethodRunsUnderEveryConditionWithEverySeed() throws {
    try with(Self.section) { file in
      let ablation = try AblationConfiguration(file: file, assignments: [])
      let teacher = file.deletingLastPathComponent().appendingPathComponent("teacher")
      let blueprint = try ModelBlueprint(builtIn: .teacher, view: "signal")
      try FileManager.default.createDirectory(at: teacher, withIntermediateDirectories: true)
      try blueprint.save(try blueprint.frozen(), to: teacher)
      let plan = try AblationPlan(
        ablation, common(file, ["run.folder=/runs/x", "teacher.variants=3", "train.steps=7"], teacher: teacher.path),
        found: [])
      #expect(plan.runs.count == 2 * 2 * 3)
      #expect(plan.runs.prefix(6).map(\.method) == ["CE", "EVL", "TinyBERT", "CE", "EVL", "TinyBERT"])
      #expect(plan.skipped.map(\.condition) == ["a tenth", "all"] && plan.skipped[0].reason.contains("one vocabulary"))
      let first = plan.runs[1].resolved.configuration
      #expect(first.run.folder == "/runs/x/runs/a-tenth/evl/seed-3" && first.run.seed == 3)
      #expect(first.train.labelled == 0.1 && first.train.steps == 7 && !first.evaluation.enabled)
      #expect(first.teacher.store == "/stores/one \"two\" #3" && first.teacher.path.isEmpty)
      // Whatever their seeds, runs see the same looks of a record.
      #expect(plan.runs.map(\.resolved.configuration.data).allSatisfy { $0.augmentation.draws == 3 && $0.seed == 1 })
      #expect(plan.runs[2].resolved.configuration.teacher.path == teacher.path)
      #expect(plan.runs[2].resolved.configuration.teacher.store.isEmpty)
      #expect(Set(plan.runs.map(\.folder.path)).count == plan.runs.count)
    }
  }

  private static let configs = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../configs").standardized

  @Test(arguments: ["ptb-xl-ablation", "ptb-xl-image", "ptb-xl-rates", "ptb-xl-sizes", "ptb-xl-weighting", "eeg"])
  func everyShippedAblationCanBeRun(name: String) throws {
    let file = Self.configs.appendingPathComponent("\(name).yaml")
    let ablation = try AblationConfiguration(file: file, assignments: [])
    for condition in ablation.conditions {
      let shapes = condition.set.filter { $0.hasPrefix("student.shape=") }
      #expect(shapes.allSatisfy { $0.hasPrefix("student.shape=configs/shapes/") })
    }
    // Shapes are named from the top of the repository.
    let settings = ["data.path=somewhere", "student.shape=\(Self.configs.path)/shapes/ecg-1.4m"]
    let methods = AblationConfiguration(
      seeds: ablation.seeds, comparedWith: ablation.comparedWith, methods: ablation.methods)
    let plan = try AblationPlan(methods, common(file, settings), found: [])
    #expect(plan.runs.count == ablation.seeds.count * (ablation.methods.count - plan.skipped.count))
  }

  @Test(arguments: ["0.1", "0.6", "1.4", "2.7", "5.8"]) func everyShippedShapeHasTheSizeItIsNamedAfter(size: String)
    throws
  {
    let shape = Self.configs.appendingPathComponent("shapes/ecg-\(size)m")
    let blueprint = try ModelBlueprint(shape: shape, view: "signal")
    let parameters = Double(blueprint.configuration.layout.count) / 1e6
    let named = try #require(Double(size))
    #expect(abs(parameters / named - 1) < 0.15, "\(parameters)")
  }

  @Test func theShippedAblationHasThePapersRows() throws {
    let file = Self.configs.appendingPathComponent("ptb-xl-ablation.yaml")
    let ablation = try AblationConfiguration(file: file, assignments: [])
    let plan = try AblationPlan(ablation, common(file, ["data.path=somewhere"]), found: [])
    #expect(plan.runs.count == 5 * 3 * 8)
    #expect(Set(plan.skipped.map(\.method)) == ["vanilla KL"])
    // None is tuned that others of the comparison are not.
    #expect(
      Set(ablation.methods.map(\.name)).subtracting(ablation.grids.flatMap(\.chosenFor))
        == ["CE", "vanilla KL"])
    for grid in ablation.grids {
      #expect(try !AblationPlan(grid: grid, of: ablation, common(file, ["data.path=somewhere"])).runs.isEmpty)
    }
    #expect(Set(plan.runs.map(\.resolved.configuration.train.steps)).count == 1)
    #expect(Set(plan.runs.map(\.resolved.configuration.train.labelled)) == [0.1, 0.25, 1])
  }

  /// As a rank on another host finds it, where `run.folder` is not shared.
  @Test func aQueueThatOneRankDoesNotSeeIsNamed() throws {
    try withTemporaryFolder { folder in
      let queue = RunQueue(folder.appendingPathComponent("claims"))
      let refused = #expect(throws: UserError.self) { try queue.take(0) }
      #expect(refused?.message.contains("not there for this rank") == true, "\(refused?.message ?? "")")
      try queue.open()
      let (first, second) = (try queue.take(0), try queue.take(0))
      #expect(first && !second)
    }
  }

  @Test func whatAVariantMayNotSetIsRefusedAndNotLeftOut() throws {
    for wrong in ["objective.methd=ce", "evaluation.fold=8", "data.view=image", "evaluation.replicates=200"] {
      try with(Self.section.replacing("objective.method=ce", with: wrong)) { file in
        let ablation = try AblationConfiguration(file: file, assignments: [])
        #expect(throws: UserError.self) { try AblationPlan(ablation, common(file), found: []) }
      }
    }
  }

  @Test func aGridHoldsItsFoldBackAndItsBestGoesToTheMethodsNamed() throws {
    let grid = """
        grids:
        - {fold: 8, seeds: [5], method: EVL, condition: a tenth, chosen_for: [EVL], over: [{key: objective.alpha, values: [0.2, 0.8]},
          {key: objective.transport.weight, values: [0, 1, 2]}]}
        - {fold: 7, seeds: [5], method: CE, condition: a tenth, chosen_for: [CE], over: [{key: train.clip, values: [2]}]}
      """
    try with(Self.section + grid + "\n") { file in
      let ablation = try AblationConfiguration(file: file, assignments: [])
      let search = try #require(ablation.grids.first)
      let plan = try AblationPlan(grid: search, of: ablation, common(file))
      #expect(plan.runs.count == 6)
      for run in plan.runs.map(\.resolved.configuration) {
        #expect(
          run.evaluation.fold == 8 && run.evaluation.trainFolds == [1, 2, 3, 4, 5, 6, 7] && run.train.labelled == 0.1)
      }
      #expect(plan.runs.map(\.resolved.configuration.objective.alpha) == [0.2, 0.2, 0.2, 0.8, 0.8, 0.8])
      let tables = try AblationPlan(ablation, common(file), found: [["objective.alpha=0.8"], ["train.clip=2"]])
      #expect(tables.runs.filter { $0.method == "EVL" }.allSatisfy { $0.resolved.configuration.objective.alpha == 0.8 })
      #expect(tables.runs.filter { $0.method == "CE" }.allSatisfy { $0.resolved.configuration.objective.alpha == 0.5 })
      for run in tables.runs { #expect(run.resolved.configuration.train.clip == (run.method == "CE" ? 2 : 1)) }
      var elsewhere = search
      elsewhere.fold = 9
      #expect(throws: UserError.self) { try AblationPlan(grid: elsewhere, of: ablation, common(file)) }
    }
  }
}
