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
}
