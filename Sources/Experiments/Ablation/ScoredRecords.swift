import Corpus

/// The records that the methods of an ablation are scored on.
struct ScoredRecords {
  /// What they are asked.
  let questions: QuestionSet
  /// Which records these are, for reports.
  let subset: String
  let samples: [ECGSample]

  /// - Parameters:
  ///   - corpus: of the run that is varied, or of one of the folds.
  ///   - folds: all that are scored, each by models trained on the others; empty for the run's own.
  /// - Throws: `UserError` where the data set lacks a fold.
  init(_ corpus: TrainingCorpus, folds: [Int]) throws {
    questions = corpus.questions
    guard !folds.isEmpty else {
      (subset, samples) = (corpus.evaluationSubset, corpus.evaluation)
      return
    }
    samples = try folds.flatMap { try corpus.dataset.samples(inFolds: [$0]) }
    subset =
      "\(corpus.dataset.name), folds \(folds.map(String.init).joined(separator: ", ")), each by models trained on the others"
  }
}
