import Cardiology
import Evaluation
import Tensors

/// The part of a student token's mass that comes from one lead box of the teacher's image.
struct PlanFlow {
  /// Share of the token's mass.
  var share: Double
  /// The share over the one that the uniform plan gives this box: its part of the teacher's tokens.
  var lift: Double
  /// Centre of that mass, relative to the image, 0 ... 1.
  var x: Double
  var y: Double
  var isOwnLead: Bool
  var lead: Lead

  /// Times its uniform share that a region has to give to count as preferred.
  static let clearLift = 1.25

  /// Whether the box gives clearly more than its part, and enough to be seen.
  var isPreferred: Bool { share >= 0.1 && lift >= Self.clearLift }

  /// The control point of the curve that a flow is drawn as, bent to one side so that flows both ways lie apart.
  static func control(from start: (x: Double, y: Double), to end: (x: Double, y: Double)) -> (x: Double, y: Double) {
    let (dx, dy) = (end.x - start.x, end.y - start.y)
    return (start.x + dx / 2 + 0.18 * dy, start.y + dy / 2 - 0.18 * dx)
  }
}

/// By what the cell of a student token is tinted.
enum PlanTint: Equatable {
  /// No lead gives it clearly more than the uniform plan would.
  case spread
  /// The share of what it draws from leads that comes from others than its own, 0 ... 1.
  case crossing(Double)
}

extension PlanGeometry {
  /// Where a student token draws its mass from, a flow for each lead box, largest first.
  ///
  /// - Parameter plan: [teacher tokens, student tokens].
  func flows(of plan: Tensor<Float>, token: Int) -> [PlanFlow] {
    let columns = student.count
    var sums = [(mass: Double, x: Double, y: Double)](repeating: (0, 0, 0), count: teacherBoxes.count)
    var all = 0.0
    for source in 0..<teacher.count {
      let mass = Double(plan[source * columns + token])
      all += mass
      guard let box = teacherLeads.boxes[source] else { continue }
      let cell = teacher[source]
      sums[box].mass += mass
      sums[box].x += mass * (cell.x + cell.width / 2) / teacher.imageSize
      sums[box].y += mass * (cell.y + cell.height / 2) / teacher.imageSize
    }
    return sums.enumerated().filter { $0.element.mass > 0 }.map { box, sum in
      let lead = teacherBoxes[box].lead
      let part = Double(teacherLeads.boxes.count { $0 == box }) / Double(teacher.count)
      return PlanFlow(
        share: sum.mass / all, lift: sum.mass / all / part, x: sum.x / sum.mass, y: sum.y / sum.mass,
        isOwnLead: lead == studentLeads.leads[token], lead: lead)
    }.sorted { ($0.share, $0.y, $0.x) > ($1.share, $1.y, $1.x) }
  }

  /// The flows of each student token.
  func flows(of plan: Tensor<Float>) -> [[PlanFlow]] { (0..<student.count).map { flows(of: plan, token: $0) } }

  /// The flows that are drawn: of each token the largest of those that it prefers, those from its own lead first, so that
  /// the others lie on top.
  ///
  /// - Parameters:
  ///   - flows: of each student token.
  ///   - count: of one token, at most.
  func preferredFlows(_ flows: [[PlanFlow]], atMost count: Int) -> [(token: Int, flow: PlanFlow)] {
    let drawn = flows.enumerated().flatMap { token, sources in
      sources.filter(\.isPreferred).prefix(count).map { (token: token, flow: $0) }
    }
    return drawn.filter(\.flow.isOwnLead) + drawn.filter { !$0.flow.isOwnLead }
  }

  /// How a token with these flows is tinted; nil for one that lies in no lead, or draws nothing from any.
  func tint(_ token: Int, _ flows: [PlanFlow]) -> PlanTint? {
    let known = flows.reduce(0) { $0 + $1.share }
    guard studentLeads.leads[token] != nil, known > 0 else { return nil }
    guard flows.contains(where: \.isPreferred) else { return .spread }
    return .crossing(flows.reduce(0) { $0 + ($1.isOwnLead ? 0 : $1.share) } / known)
  }

  /// The student's lead boxes on a drawing of its image with this side.
  func studentBoxes(onSide side: Double) -> [LeadBox] {
    studentBoxes.map { $0.moved(scaleX: side / student.imageSize, scaleY: side / student.imageSize) }
  }
}
