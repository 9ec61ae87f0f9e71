import Evaluation
import Tensors

extension AblationReport {
  /// The combinations of a grid, scored on a fold of the training folds, and the best of them.
  public struct Search: Codable, Sendable, Equatable {
    public struct Point: Codable, Sendable, Equatable {
      public var settings: [String]
      /// Macro AUC, the mean over the grid's seeds; absent where a run came to nothing.
      public var score: Double?
    }

    public var method: String
    /// Name of the condition it was varied under.
    public var condition: String
    public var fold: Int
    public var seeds: [UInt64]
    /// Names of the methods that take over what is best.
    public var chosenFor: [String]
    public var points: [Point]
    /// The settings of the highest score; of equal ones the first.
    public var best: [String]
    /// Keys whose best value is the lowest or the highest that was tried, so that others may be better still.
    public var atEdge: [String]

    init(_ grid: AblationConfiguration.Grid, _ plan: AblationPlan) throws {
      (method, condition, fold, seeds, chosenFor) = (grid.method, grid.condition, grid.fold, grid.seeds, grid.chosenFor)
      points = try AblationPlan.points(grid).map { settings in
        let runs = plan.runs.filter { $0.method == settings.joined(separator: ", ") }
        let answers = try runs.map { try AblationAnswers(in: $0.folder) }
        // A combination that came to nothing loses.
        if answers.contains(where: { $0.failure != nil }) { return Point(settings: settings, score: nil) }
        let scores = try answers.map { answers -> Double in
          guard let score = try answers.macroAUC(plan.questions) else {
            throw UserError(
              .badInput, "grid: macro AUC is undefined on fold \(grid.fold)",
              remedy: "choose a fold that holds records with and without each class")
          }
          return score
        }
        guard !scores.isEmpty else {
          throw UserError(
            .usage, "grid: \(plan.skipped.first?.reason ?? "no run")", remedy: "vary a method that these models allow")
        }
        return Point(settings: settings, score: scores.reduce(0, +) / Double(scores.count))
      }
      guard let highest = points.compactMap(\.score).max() else {
        throw UserError(
          .badInput, "grid: no combination could be trained",
          remedy: "vary it within values that can, and remove its runs")
      }
      let best = points.first { $0.score == highest }?.settings ?? []
      self.best = best
      atEdge = grid.over.filter { axis in
        let values = axis.values.sorted()
        let chosen = best.first { $0.hasPrefix("\(axis.key)=") }.flatMap { Double($0.dropFirst(axis.key.count + 1)) }
        return values.count > 1 && (chosen == values.first || chosen == values.last)
      }.map(\.key)
    }
  }
}
