import Cluster
import Corpus
import Evaluation
import Foundation
import Tensors
import Training

extension Ablation {
  /// What `run` would do, as text, with nothing done: teachers and stores, runs and those that are done, memory, what is left
  /// out; seconds by the runs that are done.
  /// - Throws: `UserError` as `run` before the first of its runs.
  public func outline() throws -> String {
    let commons = try commons(scoredRecords().questions).map(withTeacher)
    let searches = try ablation.grids.map { try AblationPlan(grid: $0, of: ablation, commons[0]) }
    let searched = try searches.map { try $0.runs.filter(isFinished) }
    // What the first grids have found whose runs are all done.
    let found = try ablation.grids.indices.prefix { searched[$0].count == searches[$0].runs.count }.map {
      try AblationReport.Search(ablation.grids[$0], searches[$0]).best
    }
    // What the others will choose is not known yet, so neither are these runs.
    let open = Set(ablation.grids.dropFirst(found.count).flatMap(\.chosenFor))
    let plans = try commons.map { try AblationPlan(ablation, $0, found: found) }
    var table = TextTable()
    table.heading("Ablation", "")
    for (common, plan) in zip(commons, plans) {
      let runs = (plan.runs + searches.flatMap(\.runs)).map(\.resolved.configuration)
      for (name, what) in Self.teaching(common, runs) {
        table.row(name + (common.fold.map { ", fold \($0)" } ?? ""), what)
      }
    }
    let runs = plans.flatMap(\.runs)
    let tabled = try runs.filter { try !open.contains($0.method) && isFinished($0) }
    let names = ablation.grids.map { "grid of \($0.method)" } + ["tables"]
    for (name, (all, done)) in zip(names, zip(searches.map(\.runs) + [runs], searched + [tabled])) {
      table.row(name, "\(all.count) runs" + (done.isEmpty ? "" : ", \(done.count) done"))
    }
    let (count, done) = (runs.count + searches.reduce(0) { $0 + $1.runs.count }, searched.joined() + tabled)
    let steps = Set(runs.map(\.resolved.configuration.train.steps)).sorted().map { "\($0)" }
    table.row("steps a run", steps.joined(separator: ", "))
    table.row("to be done", "\(count - done.count) of \(count) runs, " + ways)
    let seconds = try done.map { try AblationAnswers(in: $0.folder).seconds }
    if !seconds.isEmpty {
      table.row(
        "seconds of a run that is done, mean", TextTable.decimals(seconds.reduce(0, +) / Double(seconds.count), 0))
    }
    for (condition, memory) in try memory(runs) { table.row("memory per rank, " + condition, memory) }
    let left = Set(plans.flatMap(\.skipped).map { "\($0.method) is left out: \($0.reason)\n" }).sorted()
    return table.render() + left.joined()
  }

  /// With the teacher of runs that learn from it without a store, where it is there.
  private func withTeacher(_ common: AblationPlan.Common) throws -> AblationPlan.Common {
    let runs = try AblationPlan(ablation, common, found: []).runs.map(\.resolved.configuration)
    guard runs.contains(where: { $0.objective.needsTeacher && $0.teacher.store.isEmpty }) else { return common }
    // Rank 0 alone looks.
    let context = RunContext(
      communicator: SingleRank(status: communicator.status), configuration: common.base, stop: stop,
      observer: observers.main)
    var common = common
    common.teacher = try BuiltInTeacher(context: context, corpus: try common.base.material()).found()?.folder
    return common
  }

  private var ways: String {
    if communicator.size == 1 { return "one after the other" }
    return ablation.together
      ? "one after the other on \(communicator.size) ranks together" : "each on one of \(communicator.size) ranks"
  }

  /// What comes before the runs.
  private static func teaching(_ common: AblationPlan.Common, _ runs: [RunConfiguration]) -> [(String, String)] {
    let learners = runs.filter(\.objective.needsTeacher)
    guard !learners.isEmpty else { return [("teacher", "none is needed")] }
    let own = common.base.teacher
    let teacher = own.path.isEmpty ? "the built-in one of \(own.steps) steps, trained where it is not there" : own.path
    guard let store = common.store, learners.contains(where: { !$0.teacher.store.isEmpty }) else {
      return [("teacher", teacher)]
    }
    let isThere = TeacherStore.isFinished(store)
    return (isThere ? [] : [("teacher", teacher)])
      + [("teacher store", store.path + (isThere ? ", is there" : ", is written first"))]
  }

  /// What a rank takes that does a run by itself: of each condition its first run that learns from a teacher, or first at all.
  private func memory(_ all: [AblationPlan.Run]) throws -> [(condition: String, memory: String)] {
    try ablation.conditions.compactMap { condition -> (condition: String, memory: String)? in
      let runs = all.filter { $0.condition == condition.name }
      guard let run = runs.first(where: \.resolved.configuration.objective.needsTeacher) ?? runs.first else {
        return nil
      }
      let store = run.resolved.configuration.teacher.store
      guard store.isEmpty || TeacherStore.isFinished(URL(fileURLWithPath: store)) else {
        return (condition.name, "told once the teacher store is there")
      }
      let plan = try RunPlan(run.resolved, ranks: 1, ranksPerNode: 1).memory()
      return (condition.name, "\(MemoryPlan.text(plan.perRank + plan.perNode)) (\(run.method))")
    }
  }
}
