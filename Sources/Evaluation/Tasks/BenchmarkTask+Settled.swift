import Tensors

/// What is done with questions that predictions hold no answer to.
public enum MissingPredictions: String, Sendable, CaseIterable {
  /// The predictions are refused, naming the first of them.
  case refused = "refuse"
  /// They are left out, named and counted.
  case skipped = "skip"
}

extension BenchmarkTask {
  /// The task of what was asked, with the predictions that count: those about what the task leaves out are ignored, and
  /// questions that were not asked, or not answered, are left out where that was allowed.
  /// - Parameters:
  ///   - skipsMissing: whether questions may be left out that were skipped, so that scores are of the others alone.
  ///   - others: what else is not asked about.
  ///   - unanswered: what is done with questions that no prediction is for.
  /// - Returns: also what is to be said of all three.
  /// - Throws: `UserError` (bad input) where nothing was asked or answered, and where a question was skipped and may not be
  ///   left out.
  public func settled(
    _ given: Predictions, besides others: Set<String> = [], skipsMissing: Bool,
    unanswered: MissingPredictions = .refused
  ) throws -> (task: Self, predictions: Predictions, notes: [String]) {
    let left = others.union(leftOut)
    let predictions = given.including { !left.contains($0.id) }
    let ignored = given.predictions.count - predictions.predictions.count
    let notes = ignored > 0 ? ["\(ignored) predictions are about what is left out, and are ignored"] : []
    let (asked, answers, skipped) = try withoutSkipped(predictions, isAllowed: skipsMissing)
    guard unanswered == .skipped else { return (asked, answers, notes + skipped) }
    let (answered, unasked) = try asked.withoutUnanswered(answers)
    return (answered, answers, notes + skipped + unasked)
  }

  /// The task without the questions that predictions say were skipped.
  private func withoutSkipped(
    _ predictions: Predictions, isAllowed: Bool
  ) throws -> (task: Self, predictions: Predictions, notes: [String]) {
    let known = Set(questions.map(\.id))
    let skipped = predictions.predictions.filter { $0.skipped != nil && known.contains($0.id) }
    guard !skipped.isEmpty else { return (self, predictions, []) }
    let names = Set(skipped.map(\.id))
    let asked = including { !names.contains($0.id) }
    let list = UserError.some(skipped.map { "\($0.id) (\($0.skipped ?? ""))" }, separator: "; ")
    guard isAllowed else {
      throw UserError(
        .badInput, "\(skipped.count) of \(questions.count) questions of \(name) were skipped, not answered: \(list)",
        remedy: "answer every question (an empty text counts as wrong), or leave such questions out "
          + "(--missing-images skip)")
    }
    guard !asked.questions.isEmpty else {
      throw UserError(
        .badInput, "\(name): what is shown can be read for none of the \(questions.count) questions: \(list)",
        remedy: "check data and images")
    }
    let note =
      "\(skipped.count) of \(questions.count) questions are left out, since what they show could not be read: \(list)"
    return (asked, predictions.including { !names.contains($0.id) }, [note])
  }

  /// The task of the questions that predictions answer.
  private func withoutUnanswered(_ predictions: Predictions) throws -> (task: Self, notes: [String]) {
    let given = Set(predictions.predictions.map(\.id))
    let open = questions.map(\.id).filter { !given.contains($0) }
    guard !open.isEmpty else { return (self, []) }
    guard open.count < questions.count else {
      throw UserError(
        .badInput, "\(name): the predictions answer none of the \(open.count) questions (\(UserError.some(open)))",
        remedy: "check that task, data and fold are those the predictions were made for")
    }
    let note =
      "\(open.count) of \(questions.count) questions have no prediction and are left out: \(UserError.some(open))"
    return (including { given.contains($0.id) }, [note])
  }
}
