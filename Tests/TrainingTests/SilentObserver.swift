import Training

/// An observer that tells nobody.
final class SilentObserver: TrainingObserver {
  func began(phase: String, step: Int, steps: Int, parameters: Int) {}
  func finished(_ record: StepRecord, phase: String) throws {}
  func scored(_ scores: Scores, phase: String) {}
  func saved(_ checkpoint: Checkpoint, _ cost: SaveCost) {}
  func progress(_ name: String, done: Int, of count: Int) {}
  func note(_ message: String) {}
  func warn(_ message: String) {}
}
