import Cardiology
import Corpus
import Evaluation
import Tensors
import Testing

@testable import Reporting

@Suite struct TransportFigureTests {
  private let geometry: PlanGeometry = {
    let boxes = ECGRenderer().leadBoxes(width: 256, height: 256)
    return PlanGeometry(
      student: TokenGrid(tokens: 64, imageSize: 256), studentBoxes: boxes,
      teacher: TokenGrid(tokens: 256, imageSize: 256), teacherBoxes: boxes)
  }()

  private func figure(_ plans: [Tensor<Float>?]) throws -> TransportFigure {
    TransportFigure(
      title: "title", subtitle: "subtitle", record: try SyntheticECG(seed: 1).sample(0).record.conditioned(),
      geometry: geometry, panels: plans.map { .init(title: "plan", plan: $0, notes: ["a note"]) }, barTitle: "bars",
      bars: [.init(title: "plan", bars: [("with", Estimate(value: 0.5, low: 0.4, high: 0.6))])])
  }

  /// Each student token draws from the teacher tokens of another one's place.
  private func moved(by offset: Int) -> Tensor<Float> {
    let plan = Tensor<Float>(zeros: [256, 64])
    for token in 0..<64 {
      let source = (token + offset) % 64
      let corner = source / 8 * 32 + source % 8 * 2
      for cell in [corner, corner + 1, corner + 16, corner + 17] { plan[cell * 64 + token] = 1 / 256 }
    }
    return plan
  }

  @Test func flowsBeginWhereTheMassLiesAndKnowTheirLead() throws {
    for token in 0..<64 {
      let flow = try #require(geometry.flows(of: moved(by: 0), token: token).first)
      let cell = geometry.student[token]
      #expect(flow.isOwnLead && flow.isPreferred && abs(flow.share - 1) < 1e-6)
      #expect(abs(flow.x * 256 - cell.x - cell.width / 2) < 1e-6 && abs(flow.y * 256 - cell.y - 16) < 1e-6)
      // Two tokens further to the right lies the next column's lead, but for the last column and the rhythm strip.
      let away = try #require(geometry.flows(of: moved(by: 2), token: token).first)
      if token % 8 < 6, token < 48 { #expect(!away.isOwnLead && away.isPreferred && away.share > 0.99) }
    }
  }

  @Test func theUniformPlanPrefersNothing() throws {
    let plan = Tensor<Float>(zeros: [256, 64])
    plan.fill(1 / (256 * 64))
    let flows = geometry.flows(of: plan, token: 9)
    #expect(flows.count == 13 && !flows.contains(where: \.isPreferred))
    #expect(flows.allSatisfy { abs($0.lift - 1) < 1e-4 } && abs(flows.reduce(0) { $0 + $1.share } - 1) < 1e-5)
  }

  /// Of the picture and of the page alike.
  @Test func whatIsDrawnOfAPlanIsWhatTokensPreferAndTheTintIsOfTheMassFromLeads() throws {
    let home = geometry.flows(of: moved(by: 0))
    #expect(geometry.preferredFlows(home, atMost: 1).map(\.token) == Array(0..<64))
    #expect(home.indices.filter { geometry.tint($0, home[$0]) == .crossing(0) }.count == 64)
    let away = geometry.flows(of: moved(by: 2))
    let drawn = geometry.preferredFlows(away, atMost: 2)
    let own = drawn.prefix { $0.flow.isOwnLead }
    #expect(!own.isEmpty && own.count < drawn.count && !drawn.dropFirst(own.count).contains { $0.flow.isOwnLead })
    #expect(geometry.tint(0, away[0]) == .crossing(1))
    let even = Tensor<Float>(zeros: [256, 64])
    even.fill(1 / (256 * 64))
    #expect(geometry.tint(9, geometry.flows(of: even, token: 9)) == .spread)
    #expect(geometry.preferredFlows(geometry.flows(of: even), atMost: 2).isEmpty)
    // Of the boxes none is left: no token has a lead, and none is tinted.
    let bare = PlanGeometry(
      student: geometry.student, studentBoxes: [], teacher: geometry.teacher, teacherBoxes: [])
    #expect(bare.tint(0, bare.flows(of: moved(by: 0), token: 0)) == nil)
  }

  /// Half of what a token draws from leads is its own, though a fifth of all it draws: the rest comes from no lead.
  @Test func theTintLeavesOutWhatComesFromNoLead() {
    let flows = [true, false].map {
      PlanFlow(share: 0.2, lift: 2, x: 0.5, y: 0.5, isOwnLead: $0, lead: $0 ? .I : .V1)
    }
    #expect(geometry.tint(0, flows) == .crossing(0.5))
  }

  @Test func flowsBothWaysBendToTheirOwnSides() {
    let (there, back) = (
      PlanFlow.control(from: (0, 0), to: (10, 0)), PlanFlow.control(from: (10, 0), to: (0, 0))
    )
    #expect(there.x == 5 && back.x == 5 && abs(there.y + 1.8) < 1e-12 && abs(back.y - 1.8) < 1e-12)
  }

  @Test func otherPlansGiveOtherPicturesAndAMissingOneIsSaid() throws {
    let home = try figure([moved(by: 0), moved(by: 0)]).image()
    let away = try figure([moved(by: 2), moved(by: 0)]).image()
    let alone = try figure([moved(by: 0), nil]).image()
    func count(_ image: RasterImage, like colour: ECGPaper.Colour) -> Int {
      (0..<image.height).reduce(0) { sum, y in
        sum
          + (0..<image.width).count { x in
            let (red, green, blue) = image[x, y]
            return [(red, colour.red), (green, colour.green), (blue, colour.blue)]
              .allSatisfy { abs(Double($0) / 255 - $1) < 0.06 }
          }
      }
    }
    #expect(home.width == away.width && home.width == alone.width && home.pixels != alone.pixels)
    #expect(count(away, like: Palette.crossing) > count(home, like: Palette.crossing) + 1000)
    #expect(count(home, like: Palette.own) > count(alone, like: Palette.own) + 1000)
  }
}
