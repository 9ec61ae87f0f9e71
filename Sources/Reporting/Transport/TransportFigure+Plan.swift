import Cardiology
import Corpus
import Evaluation
import Tensors

extension TransportFigure {
  /// The ECG with lead boxes and token grids, each student token tinted by the share it draws from other leads.
  func drawPlan(_ plan: Tensor<Float>, on canvas: CairoCanvas, left: Double, top: Double) throws {
    let side = Self.panelSide
    var paper = ECGPaper.standard
    paper.ink = ECGPaper.Colour(0.25, 0.25, 0.28)
    paper.majorGrid = paper.majorGrid.mixed(with: .white, 0.3)
    let boxes = geometry.studentBoxes(onSide: side)
    let ecg = try ECGRenderer(paper: paper).render(record, in: boxes, side: Int(side))
    try canvas.draw(ecg, x: left, y: top)
    let flows = geometry.flows(of: plan)
    drawCells(flows, on: canvas, left: left, top: top)
    drawBoxes(boxes, on: canvas, left: left, top: top)
    drawFlows(flows, on: canvas, left: left, top: top)
    drawSources(flows, on: canvas, left: left, top: top)
    canvas.strokeRectangle(x: left, y: top, width: side, height: side, line: 2, colour: Palette.frame)
  }

  private func cell(_ token: Int, left: Double, top: Double) -> ImageRegion {
    geometry.student[token].scaled(by: Self.panelSide / geometry.student.imageSize, movedBy: (left, top))
  }

  private func drawCells(_ flows: [[PlanFlow]], on canvas: CairoCanvas, left: Double, top: Double) {
    for (token, sources) in flows.enumerated() {
      let cell = cell(token, left: left, top: top)
      let colour: ECGPaper.Colour? =
        switch geometry.tint(token, sources) {
        case .crossing(let share): Palette.own.mixed(with: Palette.crossing, share)
        case .spread: Palette.compared
        case nil: nil
        }
      if let colour {
        canvas.fillRectangle(x: cell.x, y: cell.y, width: cell.width, height: cell.height, colour: colour, opacity: 0.2)
      }
      canvas.strokeRectangle(
        x: cell.x, y: cell.y, width: cell.width, height: cell.height, line: 1, colour: .white, opacity: 0.9)
    }
  }

  private func drawBoxes(_ boxes: [LeadBox], on canvas: CairoCanvas, left: Double, top: Double) {
    for box in boxes {
      let area = ImageRegion(box).scaled(by: 1, movedBy: (left, top))
      canvas.strokeRectangle(
        x: area.x, y: area.y, width: area.width, height: area.height, line: 2, colour: Palette.frame, opacity: 0.8)
      let name = box.lead.rawValue + (box.isRhythmStrip ? " (rhythm strip)" : "")
      let width = canvas.textWidth(name, size: 22, isBold: true)
      canvas.fillRectangle(x: area.x, y: area.y, width: width + 14, height: 29, colour: Palette.frame)
      canvas.drawText(name, x: area.x + 7, y: area.y + 22, size: 22, colour: .white, isBold: true)
    }
  }

  /// Each token's flows from the two regions it prefers most, those of other leads on top.
  private func drawFlows(_ flows: [[PlanFlow]], on canvas: CairoCanvas, left: Double, top: Double) {
    for (token, flow) in geometry.preferredFlows(flows, atMost: 2) {
      let start = (x: left + flow.x * Self.panelSide, y: top + flow.y * Self.panelSide)
      let end = cell(token, left: left, top: top).centre
      drawArrow(
        on: canvas, from: start, control: PlanFlow.control(from: start, to: end), to: end, width: 1 + 6 * flow.share,
        colour: flow.isOwnLead ? Palette.own : Palette.crossing)
    }
  }

  /// In each student token the lead it prefers most, with the share it draws from it.
  private func drawSources(_ flows: [[PlanFlow]], on canvas: CairoCanvas, left: Double, top: Double) {
    for (token, sources) in flows.enumerated() {
      guard let main = sources.first(where: \.isPreferred) else { continue }
      let share = sources.reduce(0) { $0 + ($1.lead == main.lead ? $1.share : 0) }
      let cell = cell(token, left: left, top: top)
      let text = "\(main.lead.rawValue) \(Self.percent(share))"
      let width = canvas.textWidth(text, size: 17, isBold: true)
      let (x, y) = (cell.x + cell.width - width - 12, cell.y + cell.height - 25)
      canvas.fillRectangle(x: x, y: y, width: width + 10, height: 22, colour: .white, opacity: 0.85)
      canvas.drawText(
        text, x: x + 5, y: y + 17, size: 17, colour: main.isOwnLead ? Palette.own : Palette.crossing, isBold: true)
    }
  }

  /// A bent line with a head; where it would be shorter than its head, a dot.
  func drawArrow(
    on canvas: CairoCanvas, from start: (x: Double, y: Double), control: (x: Double, y: Double),
    to end: (x: Double, y: Double), width: Double, colour: ECGPaper.Colour
  ) {
    let (dx, dy) = (end.x - control.x, end.y - control.y)
    let length = (dx * dx + dy * dy).squareRoot()
    let head = 6 + 1.6 * width
    guard length > head else {
      canvas.fillCircle(x: end.x, y: end.y, radius: 3 + width, colour: colour, opacity: 0.9)
      return
    }
    let (ux, uy) = (dx / length, dy / length)
    let base = (x: end.x - ux * head, y: end.y - uy * head)
    canvas.strokeCurve(from: start, control: control, to: base, width: width, colour: colour, opacity: 0.7)
    canvas.fillPolygon(
      [end, (base.x - uy * head / 2, base.y + ux * head / 2), (base.x + uy * head / 2, base.y - ux * head / 2)],
      colour: colour, opacity: 0.9)
  }
}
