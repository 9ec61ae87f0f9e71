import Cardiology
import Evaluation
import Tensors

extension PlanGeometry {
  /// - Throws: `UserError` of kind usage for a view that shows several leads in one place, or where no token has a lead.
  init(student: TokenReader, teacher: TokenReader) throws {
    func boxes(_ reader: TokenReader) throws -> [LeadBox] {
      guard let boxes = reader.side.view.leadBoxes else {
        guard reader.side.view.geometry.tiles == 1 else {
          throw UserError(
            .usage,
            "the image processor cuts a page into \(reader.side.view.geometry.tiles) tiles; the plan is drawn over one",
            remedy:
              "set do_image_splitting to false in the model's preprocessor_config.json, train and inspect that run")
        }
        throw UserError(
          .usage,
          "in the signal view every token holds a window of all twelve leads, so none belongs to a lead and no mass can "
            + "cross between them", remedy: "train with data.view=leads or image and inspect that run")
      }
      guard TokenGrid.isSquare(reader.model.tokensPerImage) else {
        throw UserError(
          .usage, "the \(reader.model.tokensPerImage) image tokens of \(reader.model.shape.familyName) fill no square",
          remedy: "inspect a run with a teacher without a class token among its image tokens")
      }
      return boxes
    }
    self.init(
      student: student.grid, studentBoxes: try boxes(student), teacher: teacher.grid, teacherBoxes: try boxes(teacher))
    guard uniform.value != nil else {
      throw UserError(.badInput, "no image token overlaps a lead", remedy: "use models with more image tokens")
    }
  }
}
