import Cardiology
import Evaluation
import Tensors

/// What was found about a run: the numbers, and what a picture of one recording needs.
public struct TransportFindings {
  public let report: TransportReport
  /// The recording as the models saw it.
  public let record: ECGRecord
  /// [teacher tokens, student tokens] of the run's student.
  public let plans: [PlanKind: Tensor<Float>]
  public let confusions: [PlanKind: LeadConfusion]
  public let geometry: PlanGeometry
}
