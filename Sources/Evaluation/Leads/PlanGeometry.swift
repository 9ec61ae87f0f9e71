import Cardiology
import Tensors

/// Where the image tokens of a student and a teacher lie, and to which leads they belong; their images may differ in size.
public struct PlanGeometry: Sendable {
  public let student: TokenGrid
  public let teacher: TokenGrid
  /// In pixels of the student's image.
  public let studentBoxes: [LeadBox]
  /// In pixels of the teacher's image; the same leads in the same order.
  public let teacherBoxes: [LeadBox]
  public let studentLeads: TokenLeads
  public let teacherLeads: TokenLeads

  public init(student: TokenGrid, studentBoxes: [LeadBox], teacher: TokenGrid, teacherBoxes: [LeadBox]) {
    precondition(studentBoxes.map(\.lead) == teacherBoxes.map(\.lead), "two drawings of one paper")
    self.student = student
    self.teacher = teacher
    self.studentBoxes = studentBoxes
    self.teacherBoxes = teacherBoxes
    studentLeads = TokenLeads(student, boxes: studentBoxes)
    teacherLeads = TokenLeads(teacher, boxes: teacherBoxes)
  }

  /// - Parameter plan: [teacher tokens, student tokens].
  public func confusion<Element: Scalar>(of plan: Tensor<Element>) -> LeadConfusion {
    LeadConfusion(plan: plan, teacher: teacherLeads, student: studentLeads)
  }

  /// Of the plan that gives every pair the same mass.
  public var uniform: LeadConfusion { LeadConfusion.uniform(teacher: teacherLeads, student: studentLeads) }
}
