import Cardiology
import Corpus
import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Reporting

/// Plans drawn over recordings on a report's page.
@Suite struct PlanSectionTests {
  private func record() throws -> ECGRecord { try SyntheticECG(seed: 1).sample(0).record.conditioned() }

  private let geometry: PlanGeometry = {
    let boxes = ECGRenderer().leadBoxes(width: 256, height: 256)
    return PlanGeometry(
      student: TokenGrid(tokens: 64, imageSize: 256), studentBoxes: boxes,
      teacher: TokenGrid(tokens: 256, imageSize: 256), teacherBoxes: boxes)
  }()

  /// Windows that follow each other over 10 s.
  private func windows(_ count: Int) -> [ClosedRange<Double>] {
    (0..<count).map { 10 * Double($0) / Double(count)...10 * Double($0 + 1) / Double(count) }
  }

  /// Each student token takes its mass from the teacher tokens of its own time, moved by so many of its tokens.
  private func plan(movedBy offset: Int = 0) -> Tensor<Float> {
    let plan = Tensor<Float>(zeros: [256, 64])
    for token in 0..<64 {
      for part in 0..<4 { plan[((token + offset) % 64 * 4 + part) * 64 + token] = 1 / 256 }
    }
    return plan
  }

  private func even() -> Tensor<Float> {
    let plan = Tensor<Float>(zeros: [256, 64])
    plan.fill(1 / (256 * 64))
    return plan
  }

  @Test func timesThatAreJoinedAreMeasuredAndDrawn() throws {
    func chart(_ plan: Tensor<Float>) throws -> PlanOverTime {
      PlanOverTime(record: try record(), student: windows(64), teacher: windows(256), plan: plan)
    }
    let (same, other, blind) = (try chart(plan()), try chart(plan(movedBy: 32)), try chart(even()))
    #expect(abs(same.sameTime - 1) < 1e-6 && other.sameTime == 0)
    // Windows of 0.156 s, and those within 0.2 s of them.
    #expect(blind.sameTime > 0.02 && blind.sameTime < 0.08)
    let lifts = same.lifts()
    #expect(lifts.count == 64 && lifts.allSatisfy { $0.count == 64 })
    for row in 0..<64 { #expect(abs(lifts[row][row] - 64) < 1e-3 && lifts[row].reduce(0, +) - lifts[row][row] == 0) }
    #expect(try chart(even()).lifts().joined().allSatisfy { abs($0 - 1) < 1e-4 })
    let drawings = [same, other, blind].map { $0.drawing(id: "a", title: "plan") }
    #expect(Set(drawings).count == 3)
    for drawing in drawings { #expect(PageReader(drawing).problem == nil && !drawing.contains("nan")) }
  }

  @Test func aPlanOverTheLeadsShowsWhereItsMassComesFrom() throws {
    func drawing(_ plan: Tensor<Float>) throws -> String {
      try PlanOverECG(record: try record(), geometry: geometry, plan: plan).drawing(id: "a", title: "plan")
    }
    let blind = try drawing(even())
    #expect(!blind.contains("class=\"flow"), "the even plan prefers nothing")
    let moved = try drawing(plan(movedBy: 3))
    #expect(moved.contains("class=\"flow s2\"") && moved.contains("class=\"trace\""))
    for drawing in [blind, moved] {
      let page = PageReader(drawing)
      #expect(page.problem == nil && page.all("rect").count > 64 && page.all("text").count == 13)
    }
  }

  @Test func bothKindsStandOnAPage() throws {
    try withTemporaryFolder { folder in
      let made = MadeRun(folder: folder.appendingPathComponent("made"))
      try made.write()
      for places in [TokenPlaces.leads(geometry), .times(student: windows(64), teacher: windows(256))] {
        let exhibits = PlanExhibits(
          step: 60, places: places,
          recordings: [
            .init(
              record: try record(),
              plans: [
                .init(title: "Transport plan", weights: plan()), .init(title: "Cross-attention", weights: even()),
              ])
          ])
        let page = RunReportTests.expectASoundPage(try made.html(plans: .success(exhibits)))
        #expect(page.values("id").contains("plan-0-1") && page.text.contains("Transport plan, synthetic"))
      }
      let none = MissingExhibit(reason: "the <teacher> is gone.", remedy: "find it")
      let page = RunReportTests.expectASoundPage(try made.html(plans: .failure(none)))
      #expect(page.text.contains("The <teacher> is gone.") && page.text.contains("Find it"))
    }
  }
}
