import Foundation
import Testing

@testable import Cardiology

/// Textbook morphology, measured from the drawn signal itself with the noise switched off.
@Suite struct SyntheticMorphologyTests {
  typealias Kind = SyntheticFinding.Kind

  /// Drawings of the same findings in `count` patients, those with premature beats or atrial fibrillation left out.
  private static func drawings(
    _ kinds: [Kind], severity: Double = 0.7, count: Int = 10
  ) -> [(ecg: MeasuredECG, sample: SyntheticSample)] {
    let generator = SyntheticECG(seed: 11, samplingRate: 500, noise: false)
    let diagnosis = SyntheticDiagnosis(
      superclasses: kinds.isEmpty ? [.NORM] : Set(kinds.map(\.superclass)),
      findings: kinds.map { SyntheticFinding($0, severity: severity) })
    return (0..<count).map { generator.sample($0, diagnosis: diagnosis) }
      .filter { !$0.report.contains("premature") && !$0.report.contains("fibrillation") }
      .map { (MeasuredECG($0.record), $0) }
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  @Test func normalQRSIsNarrowAndProgressesAcrossTheChest() {
    for (ecg, _) in Self.drawings([]) {
      #expect((70...110).contains(ecg.qrsWidth))
      #expect(ecg.tallest(.V1) < ecg.tallest(.V4) && ecg.deepest(.V1) > ecg.deepest(.V5))
      #expect(ecg.t(.V4) > 0 && ecg.t(.aVR) < 0)
      #expect(abs(ecg.st(.II)) < 0.15)
    }
    let pr = Self.median(Self.drawings([]).map(\.ecg.pr))
    #expect((130...200).contains(pr))
  }

  @Test(arguments: [0, 0.5, 1.0])
  func completeRightBundleBranchBlockIsWideWithLateForcesToTheRight(severity: Double) {
    for (ecg, _) in Self.drawings([.completeRightBundleBranchBlock], severity: severity) {
      #expect(ecg.qrsWidth > 120)
      #expect(ecg.terminal(.V1) > 0.2, "R' in V1")
      #expect(ecg.terminal(.I) < -0.08 && ecg.terminal(.V6) < -0.1, "wide S in I and V6")
    }
  }

  @Test(arguments: [0, 0.5, 1.0])
  func completeLeftBundleBranchBlockIsWideNotchedAndDiscordant(severity: Double) {
    let drawings = Self.drawings([.completeLeftBundleBranchBlock], severity: severity)
    for (ecg, _) in drawings {
      #expect(ecg.qrsWidth > 120)
      #expect(ecg.deepest(.V1) > 3 * ecg.tallest(.V1), "rS or QS in V1")
      #expect(ecg.tallest(.V6) > 0.4 && ecg.initialQ(.V6).depth < 0.05, "broad R without Q in V6")
      #expect(ecg.t(.V1) > 0 && ecg.t(.V6) < 0, "T against the QRS")
    }
    let notched = drawings.filter { ecg, _ in [Lead.I, .aVL, .V5, .V6].contains { ecg.notches($0) > 1 } }
    #expect(notched.count * 3 >= drawings.count * 2)
  }

  @Test func incompleteRightBundleBranchBlockStaysNarrow() {
    for (ecg, _) in Self.drawings([.incompleteRightBundleBranchBlock]) { #expect(ecg.qrsWidth < 120) }
  }

  @Test func leftAnteriorFascicularBlockTurnsTheAxisToTheLeft() {
    for (ecg, sample) in Self.drawings([.leftAnteriorFascicularBlock]) {
      #expect(ecg.deepest(.II) > ecg.tallest(.II) && ecg.tallest(.I) > ecg.deepest(.I))
      #expect(ecg.qrsWidth < 120)
      #expect(sample.report.contains("left axis deviation"))
    }
  }

  @Test func firstDegreeBlockHasALongPRInterval() {
    let short = Self.drawings([]).map(\.ecg.pr)
    let long = Self.drawings([.firstDegreeAVBlock], severity: 0.3).map(\.ecg.pr)
    #expect(Self.median(long) > 210)
    #expect(Self.median(short) < 195)
  }

  @Test func inferiorInfarctionLeavesPathologicalQWaves() {
    for (ecg, _) in Self.drawings([.infarction(.inferior, .old)], severity: 0.8) {
      for lead in [Lead.III, .aVF] {
        let q = ecg.initialQ(lead)
        #expect(q.depth > 0.1 && q.depth > 0.25 * ecg.tallest(lead))
        #expect(q.milliseconds > (lead == .III ? 40 : 34))
      }
      #expect(ecg.initialQ(.V3).depth < 0.1)
    }
  }

  @Test func anteroseptalInfarctionTakesTheRWavesOfV1ToV3() {
    for (ecg, _) in Self.drawings([.infarction(.anteroseptal, .old)], severity: 0.9) {
      #expect(ecg.initialQ(.V2).depth > 0.3 && ecg.initialQ(.V2).milliseconds > 40)
      #expect(ecg.tallest(.V3) < 0.55)
    }
  }

  @Test func lateralInfarctionLeavesQWavesInTheLateralLeads() {
    for (ecg, _) in Self.drawings([.infarction(.lateral, .old)], severity: 0.9) {
      #expect(ecg.initialQ(.aVL).depth > 0.25 * ecg.tallest(.aVL))
      #expect(ecg.initialQ(.I).milliseconds > 30)
    }
  }

  @Test(arguments: [
    (InfarctTerritory.anterior, [Lead.V2, .V3, .V4], [Lead.III]),
    (.anteroseptal, [.V1, .V2, .V3], [.III]),
    (.lateral, [.I, .aVL, .V5, .V6], [.III, .aVF]),
    (.inferior, [.II, .III, .aVF], [.I, .aVL]),
    (.inferoposterior, [.II, .III, .aVF], [.aVL]),
  ])
  func acuteInfarctionLiftsTheSTOfItsTerritoryAndLowersTheOpposite(
    territory: InfarctTerritory, lifted: [Lead], lowered: [Lead]
  ) {
    for (ecg, _) in Self.drawings([.infarction(territory, .acute)], severity: 0.7) {
      for lead in lifted { #expect(ecg.st(lead) > 0.09, "\(lead)") }
      for lead in lowered { #expect(ecg.st(lead) < -0.01, "\(lead)") }
    }
  }

  @Test func recentInfarctionInvertsTheTWavesOfItsTerritory() {
    for (ecg, _) in Self.drawings([.infarction(.inferior, .recent)], severity: 0.9) { #expect(ecg.t(.III) < -0.05) }
    for (ecg, _) in Self.drawings([.infarction(.anteroseptal, .recent)], severity: 0.9) { #expect(ecg.t(.V2) < -0.05) }
  }

  @Test(arguments: [0, 0.5, 1.0])
  func leftVentricularHypertrophyExceedsTheIndexOfSokolowAndLyon(severity: Double) {
    for (ecg, _) in Self.drawings([.leftVentricularHypertrophy], severity: severity) {
      #expect(ecg.deepest(.V1) + max(ecg.tallest(.V5), ecg.tallest(.V6)) > 3.5)
    }
  }

  @Test(arguments: [0, 0.5, 1]) func strainLowersSTAndInvertsTInTheLateralLeads(severity: Double) {
    for (ecg, _) in Self.drawings([.leftVentricularHypertrophy, .strain], severity: severity) {
      #expect(ecg.st(.V5) < -0.02 && ecg.t(.V5) < -0.05)
    }
  }

  @Test func rightVentricularHypertrophyHasADominantRInV1AndTheAxisToTheRight() {
    for (ecg, _) in Self.drawings([.rightVentricularHypertrophy], severity: 0.6) {
      #expect(ecg.tallest(.V1) > ecg.deepest(.V1))
      #expect(ecg.deepest(.I) > ecg.tallest(.I))
    }
  }

  @Test func ischaemiaLowersTheSTSegmentLaterally() {
    for (ecg, _) in Self.drawings([.stDepression], severity: 0.8) {
      #expect(ecg.st(.V5) < -0.08 && ecg.st(.aVR) > 0.03)
    }
    for (ecg, _) in Self.drawings([.tInversion], severity: 0.9) { #expect(ecg.t(.V5) < -0.05) }
  }

  @Test func severityZeroIsCloseToNormalAndOneIsMarked() {
    func medianST(_ severity: Double) -> Double {
      Self.median(Self.drawings([.infarction(.inferior, .acute)], severity: severity).map { Double($0.ecg.st(.III)) })
    }
    #expect(medianST(0) < 0.15)
    #expect(medianST(1) > 0.3)
  }
}
