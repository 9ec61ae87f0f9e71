import Autograd
import Cardiology
import Distillation
import Evaluation
import Tensors

/// One way to join the student's image tokens with the teacher's.
public enum PlanKind: String, Codable, CaseIterable, Sendable {
  /// P* of the student's tokens under the Wp and bp that the run has trained.
  case learned
  /// P* of the student's tokens under a map fitted by least squares (`LeastSquaresMap`).
  case fitted
  /// The alignment's cross-attention (`AttentionPlan`).
  case attention

  public var title: String {
    switch self {
    case .learned: "transport, trained map"
    case .fitted: "transport, fitted map"
    case .attention: "MHCA attention"
    }
  }
}

/// A student with the maps by which its tokens are compared with a teacher's.
struct PlanSource {
  let reader: TokenReader
  /// Trained and fitted, where there are such.
  var maps: [PlanKind: AffineMap]
  var attention: (query: Tensor<Float>, key: Tensor<Float>, heads: Int)?
  let settings: TransportSettings

  /// The plans of one recording.
  struct Plans {
    /// [n teacher tokens, m student tokens], of mass 1 as far as the solver was asked to go.
    var plans: [PlanKind: Tensor<Float>] = [:]
    var sweeps: [PlanKind: Int] = [:]
    var marginalError: [PlanKind: Double] = [:]
    /// Share of the image tokens' attention that falls on the teacher's image tokens.
    var imageShare: Double?
  }

  func plans(student: TokenStates, teacher: TokenStates) throws -> Plans {
    var result = Plans()
    for (kind, map) in maps {
      let tape = Tape<Float>(pool: BufferPool(), recording: false)
      let solved = try tape.transportLoss(
        teacher: tape.constant(teacher.visual), student: tape.constant(map(student.visual)),
        teacherTokens: Segments(lengths: [teacher.visual.rows]),
        studentTokens: Segments(lengths: [student.visual.rows]), problems: 1, weight: 0, settings: settings
      ).solutions[0]
      result.plans[kind] = solved.plan
      result.sweeps[kind] = solved.sweeps
      result.marginalError[kind] = solved.marginalError
    }
    if let attention {
      let read = AttentionPlan(
        student: student.hidden, teacher: teacher.hidden, query: attention.query, key: attention.key,
        heads: attention.heads, studentRows: student.imageRows, teacherRows: teacher.imageRows)
      result.plans[.attention] = read.plan
      result.imageShare = read.imageShare
    }
    return result
  }
}
