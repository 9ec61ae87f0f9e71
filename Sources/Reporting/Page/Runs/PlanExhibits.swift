import Cardiology
import Evaluation
import Foundation
import Tensors

/// Plans between the image tokens of a run's two models, over recordings, as a report shows them.
public struct PlanExhibits {
  /// One plan: [teacher tokens, student tokens].
  public struct Plan {
    public var title: String
    public var weights: Tensor<Float>
    public var remark: String?

    public init(title: String, weights: Tensor<Float>, remark: String? = nil) {
      (self.title, self.weights, self.remark) = (title, weights, remark)
    }
  }

  /// The plans of one recording.
  public struct Recording {
    /// As the models saw it.
    public var record: ECGRecord
    public var plans: [Plan]

    public init(record: ECGRecord, plans: [Plan]) { (self.record, self.plans) = (record, plans) }
  }

  /// Step of the checkpoint that the student is of.
  public var step: Int
  public var places: TokenPlaces
  public var recordings: [Recording]

  public init(step: Int, places: TokenPlaces, recordings: [Recording]) {
    (self.step, self.places, self.recordings) = (step, places, recordings)
  }
}

/// Why a report shows no plans.
public struct MissingExhibit: Error, Sendable {
  public var reason: String
  /// How to get them; empty where that cannot be told.
  public var remedy: String

  public init(reason: String, remedy: String) { (self.reason, self.remedy) = (reason, remedy) }
}
