import Cardiology
import Corpus
import Foundation
import Tensors
import Testing

@testable import Evaluation

@Suite struct TokenLeadTests {
  private func region(_ x: Double, _ y: Double, _ width: Double, _ height: Double) -> ImageRegion {
    ImageRegion(x: x, y: y, width: width, height: height)
  }

  private func pixelsWithin(_ first: ImageRegion, and second: ImageRegion) -> Int {
    func holds(_ region: ImageRegion, _ x: Double, _ y: Double) -> Bool {
      x >= region.x && x < region.x + region.width && y >= region.y && y < region.y + region.height
    }
    var count = 0
    for x in stride(from: 0.0, to: 40, by: 1) {
      for y in stride(from: 0.0, to: 40, by: 1) where holds(first, x, y) && holds(second, x, y) { count += 1 }
    }
    return count
  }

  @Test func aTokenBelongsToTheBoxThatHoldsMostOfItsPixels() {
    var random = CounterRandom(seed: 11, purpose: "boxes")
    for _ in 0..<200 {
      func box(_ reach: Int) -> ImageRegion {
        region(
          Double(random.integer(below: reach)), Double(random.integer(below: reach)),
          Double(1 + random.integer(below: 12)), Double(1 + random.integer(below: 12)))
      }
      let boxes = (0..<1 + random.integer(below: 6)).map { _ in
        (lead: Lead.allCases[random.integer(below: 12)], region: box(24))
      }
      let cell = box(24)
      // All corners lie on whole pixels, so counting pixels is exact.
      let pixels = boxes.map { box in pixelsWithin(cell, and: box.region) }
      for (box, count) in zip(boxes, pixels) { #expect(cell.overlap(with: box.region) == Double(count)) }
      let most = pixels.max() ?? 0
      let expected = most > 0 ? boxes[pixels.firstIndex(of: most) ?? 0].lead : nil
      #expect(TokenLeads(cells: [cell], boxes: boxes).leads == [expected])
    }
  }

  @Test func aTokenBesideOrOnlyTouchingEveryBoxHasNoLead() {
    let boxes = [(lead: Lead.V1, region: region(10, 10, 10, 10))]
    let cells = [region(0, 0, 5, 5), region(0, 10, 10, 10), region(20, 20, 4, 4), region(5, 5, 6, 6)]
    #expect(TokenLeads(cells: cells, boxes: boxes).leads == [nil, nil, nil, .V1])
    #expect(TokenLeads(cells: cells, boxes: []).leads == [nil, nil, nil, nil])
  }

  /// Rows of the paper are 64 pixels high at this size, columns 63 wide from pixel 2 on.
  @Test func theRhythmStripBelongsToItsLeadAndEveryColumnToItsOwn() {
    let leads = TokenLeads(
      TokenGrid(tokens: 64, imageSize: 256), boxes: ECGRenderer().leadBoxes(width: 256, height: 256)
    ).leads
    func row(_ names: [Lead]) -> [Lead?] { names.flatMap { [$0, $0] } }
    let rows = ECGPaper.standard.rows.map(row)
    #expect(leads == rows.flatMap { $0 + $0 } + [Lead?](repeating: .II, count: 16))
    #expect(leads.count { $0 == .II } == 4 + 16)
  }

  @Test func singleLeadTokensHaveTheLeadTheyHold() throws {
    let view = try LeadView(imageSize: 128, patchSize: 8, blockSide: 2)
    let boxes = try #require(view.leadBoxes)
    for tokens in [64, 256] {
      let leads = TokenLeads(TokenGrid(tokens: tokens, imageSize: 128), boxes: boxes).leads
      for lead in Lead.allCases {
        #expect(leads.count { $0 == lead } == ([.II, .V1].contains(lead) ? 12 : 4) * tokens / 64)
      }
    }
  }

  @Test func aRegionIsScaledAboutTheCornerAndMoved() {
    let scaled = region(2, 4, 6, 8).scaled(by: 0.5, movedBy: (10, 20))
    #expect(scaled == region(11, 22, 3, 4) && scaled.centre.x == 12.5 && scaled.centre.y == 24)
    #expect(region(2, 4, 6, 8).scaled(by: 2) == region(4, 8, 12, 16))
  }

  @Test func cellsTileTheImage() {
    let grid = TokenGrid(tokens: 256, imageSize: 512)
    #expect(grid.side == 16 && grid.count == 256)
    #expect(grid[17] == region(32, 32, 32, 32))
    #expect(grid.cells.reduce(0) { $0 + $1.width * $1.height } == 512 * 512)
  }
}

@Suite struct LeadConfusionTests {
  private func leads(_ leads: [Lead?]) -> TokenLeads {
    let boxes = Lead.allCases.enumerated().map {
      (lead: $1, region: ImageRegion(x: Double($0) * 2, y: 0, width: 1, height: 1))
    }
    let cells = leads.map { lead in
      boxes.first { $0.lead == lead }?.region ?? ImageRegion(x: -5, y: 0, width: 1, height: 1)
    }
    return TokenLeads(cells: cells, boxes: boxes)
  }

  /// Mass that tokens of the student's lead draw from tokens of the teacher's lead.
  private func mass(_ confusion: LeadConfusion, _ student: Lead, _ teacher: Lead) -> Double? {
    guard let row = Lead.allCases.firstIndex(of: student), let column = Lead.allCases.firstIndex(of: teacher) else {
      return nil
    }
    return confusion.rows[row][column]
  }

  @Test func aPlanThatStaysWithinLeadsConfusesNothingAndOneThatNeverDoesConfusesAll() {
    let tokens = leads([.I, .I, .V1, .V6])
    let identity = Tensor<Double>(zeros: [4, 4])
    for token in 0..<4 { identity[token * 4 + token] = 0.25 }
    let own = LeadConfusion(plan: identity, teacher: tokens, student: tokens)
    #expect(own.value == 0 && own.leftOut == 0)
    #expect(mass(own, .I, .I) == 0.5 && mass(own, .V1, .V1) == 0.25)
    let moved = LeadConfusion(plan: identity, teacher: leads([.V1, .V2, .I, .I]), student: tokens)
    #expect(moved.value == 1)
    #expect(mass(moved, .I, .V2) == 0.25 && mass(moved, .V2, .I) == 0)
  }

  /// Teacher I, I, II and student I, II: of the six pairs three cross, 1/2. With a third of the teacher's tokens without
  /// lead, two of four pairs cross and two of six are left out.
  @Test func theUniformPlanCrossesAsOftenAsPairsDo() {
    let (teacher, student) = (leads([.I, .I, .II]), leads([.I, .II]))
    let plan = Tensor<Float>(zeros: [3, 2])
    plan.fill(1 / 6)
    let confusion = LeadConfusion(plan: plan, teacher: teacher, student: student)
    #expect(close(confusion.value, 0.5, within: 1e-6))
    #expect(close(LeadConfusion.uniform(teacher: teacher, student: student).value, 0.5))
    let partly = LeadConfusion.uniform(teacher: leads([.I, nil, .II]), student: student)
    #expect(close(partly.value, 0.5) && close(partly.leftOutShare, 1.0 / 3))
    let unequal = LeadConfusion.uniform(teacher: leads([.I, .I, .I, .aVF]), student: leads([.I, .V3]))
    #expect(close(unequal.value, 5.0 / 8))
  }

  @Test func massWithoutALeadCountsNowhereAndIsReported() {
    let plan = Tensor<Double>([0.1, 0.2, 0.3, 0.4], [2, 2])
    let confusion = LeadConfusion(plan: plan, teacher: leads([.I, nil]), student: leads([.I, .V5]))
    #expect(close(confusion.value, 2.0 / 3) && close(confusion.leftOutShare, 0.7) && close(confusion.counted, 0.3))
    let none = LeadConfusion(plan: plan, teacher: leads([nil, nil]), student: leads([.I, .V5]))
    #expect(none.value == nil && close(none.leftOutShare, 1))
  }

  @Test func confusionDoesNotDependOnTheScaleOfThePlan() {
    var random = CounterRandom(seed: 3, purpose: "plan")
    let names = { (count: Int, random: inout CounterRandom) -> [Lead?] in
      (0..<count).map { _ in random.uniform() < 0.2 ? nil : Lead.allCases[random.integer(below: 12)] }
    }
    for _ in 0..<20 {
      let (teacher, student) = (leads(names(9, &random)), leads(names(5, &random)))
      let plan = Tensor((0..<45).map { _ in random.uniform() }, [9, 5])
      let one = LeadConfusion(plan: plan, teacher: teacher, student: student)
      plan.scale(by: 7)
      let seven = LeadConfusion(plan: plan, teacher: teacher, student: student)
      #expect(close(one.value, seven.value) && close(one.leftOutShare, seven.leftOutShare))
      #expect(close(one.counted + one.leftOut, (plan.array.reduce(0, +)) / 7))
    }
  }
}

@Suite struct AttentionPlanTests {
  @Test func keptRowsAreScaledToTheSameShareEach() {
    let attention = Tensor<Double>([0.5, 0.25, 0.25, 0.8, 0.1, 0.1], [2, 3])
    let read = AttentionPlan(attention: attention, teacherRows: [1, 2])
    let expected = [0.25, 0.25, 0.25, 0.25]
    #expect(read.plan.shape == [2, 2] && zip(read.plan.array, expected).allSatisfy { close($0, $1) })
    #expect(close(read.imageShare, (0.5 + 0.2) / 2))
  }

  @Test func aRowThatSeesNoImageLeavesItsMassToTheOthers() {
    let attention = Tensor<Double>([1, 0, 0, 0.2, 0.2, 0.6], [2, 3])
    let plan = AttentionPlan(attention: attention, teacherRows: [1, 2]).plan
    #expect(plan.array[0] == 0 && plan.array[2] == 0)
    #expect(close(plan.array[1], 0.25) && close(plan.array[3], 0.75))
  }

  /// Against the formula, written out head by head in plain loops.
  @Test func theAttentionIsThatOfTheAlignmentTerm() {
    var random = CounterRandom(seed: 8, purpose: "attention")
    func matrix(_ rows: Int, _ columns: Int) -> Tensor<Double> {
      Tensor((0..<rows * columns).map { _ in random.normal() }, [rows, columns])
    }
    let (heads, width) = (2, 3)
    let (hs, ht) = (matrix(5, 4), matrix(6, 7))
    let (wq, wk) = (matrix(4, heads * width), matrix(7, heads * width))
    let (studentRows, teacherRows) = ([1, 2, 4], [0, 3, 4, 5])
    let read = AttentionPlan(
      student: hs, teacher: ht, query: wq, key: wk, heads: heads, studentRows: studentRows, teacherRows: teacherRows)
    func entry(_ x: Tensor<Double>, _ w: Tensor<Double>, _ row: Int, _ column: Int) -> Double {
      (0..<x.columns).reduce(0) { $0 + x.matrix[row, $1] * w.matrix[$1, column] }
    }
    var mean = [[Double]](repeating: [Double](repeating: 0, count: 6), count: 3)
    for head in 0..<heads {
      for (place, row) in studentRows.enumerated() {
        let scores = (0..<6).map { other in
          (0..<width).reduce(0.0) {
            $0 + entry(hs, wq, row, head * width + $1) * entry(ht, wk, other, head * width + $1)
          } / Double(width).squareRoot()
        }
        let powers = scores.map { exp($0) }
        for column in 0..<6 { mean[place][column] += powers[column] / powers.reduce(0, +) / Double(heads) }
      }
    }
    for (place, row) in mean.enumerated() {
      let kept = teacherRows.map { row[$0] }
      for (teacher, value) in kept.enumerated() {
        #expect(close(read.plan.matrix[teacher, place], value / kept.reduce(0, +) / 3, within: 1e-9))
      }
    }
    #expect(close(read.plan.array.reduce(0, +), 1, within: 1e-12))
  }
}
