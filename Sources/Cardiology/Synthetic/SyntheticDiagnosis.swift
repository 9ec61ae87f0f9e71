import Foundation
import Tensors

/// The superclasses of a patient and the findings behind them.
struct SyntheticDiagnosis: Sendable {
  var superclasses: Set<Superclass>
  var findings: [SyntheticFinding]

  /// Combinations of superclasses, in shares close to those of PTB-XL (which add up to NORM 44 %, MI 26 %, STTC 25 %,
  /// CD 22 %, HYP 12 %).
  static let shares: [(Set<Superclass>, weight: Double)] = [
    ([.NORM], 0.427), ([.NORM, .CD], 0.015), ([.MI], 0.122), ([.STTC], 0.116), ([.CD], 0.078), ([.HYP], 0.025),
    ([.CD, .MI], 0.060), ([.MI, .STTC], 0.030), ([.HYP, .STTC], 0.036), ([.CD, .STTC], 0.022), ([.CD, .HYP], 0.014),
    ([.HYP, .MI], 0.008), ([.HYP, .MI, .STTC], 0.015), ([.CD, .MI, .STTC], 0.012), ([.CD, .HYP, .STTC], 0.009),
    ([.CD, .HYP, .MI], 0.005), ([.CD, .HYP, .MI, .STTC], 0.006),
  ]

  static func draw(_ random: inout CounterRandom) -> SyntheticDiagnosis {
    let classes = random.pick(shares)
    var kinds: [SyntheticFinding.Kind] = []
    if classes.contains(.HYP) { kinds += hypertrophy(with: classes, &random) }
    if classes.contains(.CD) { kinds.append(conduction(with: classes, kinds, &random)) }
    if classes.contains(.MI) { kinds.append(infarction(with: kinds, &random)) }
    if classes.contains(.STTC) { kinds.append(repolarisation(with: kinds, &random)) }
    // More patients have slight disease than marked.
    // Conduction findings that leave an ECG otherwise normal are slight ones.
    let ceiling = classes.contains(.NORM) ? 0.5 : 1
    let findings = kinds.map { SyntheticFinding($0, severity: ceiling * pow(random.uniform(), 1.8)) }
    return SyntheticDiagnosis(superclasses: classes, findings: findings)
  }

  private static func hypertrophy(
    with classes: Set<Superclass>, _ random: inout CounterRandom
  ) -> [SyntheticFinding.Kind] {
    let left = SyntheticFinding.Kind.leftVentricularHypertrophy
    // Strain belongs to the left ventricle, and with an infarction the left ventricle is what grows.
    if classes.contains(.STTC) || classes.contains(.MI) {
      return random.chance(0.15) ? [left, .leftAtrialEnlargement] : [left]
    }
    return random.pick([
      ([left], 0.62), ([left, .leftAtrialEnlargement], 0.08), ([.leftAtrialEnlargement], 0.14),
      ([.rightAtrialEnlargement], 0.04), ([.rightVentricularHypertrophy], 0.08),
      ([.rightVentricularHypertrophy, .rightAtrialEnlargement], 0.04),
    ])
  }

  private static func conduction(
    with classes: Set<Superclass>, _ kinds: [SyntheticFinding.Kind], _ random: inout CounterRandom
  ) -> SyntheticFinding.Kind {
    if classes.contains(.NORM) {
      return random.pick([(.incompleteRightBundleBranchBlock, 0.7), (.firstDegreeAVBlock, 0.3)])
    }
    if kinds.contains(.rightVentricularHypertrophy) {
      return random.pick([(.firstDegreeAVBlock, 0.5), (.intraventricularDelay, 0.5)])
    }
    var choices: [(SyntheticFinding.Kind, weight: Double)] = [
      (.leftAnteriorFascicularBlock, 0.26), (.incompleteRightBundleBranchBlock, 0.16), (.firstDegreeAVBlock, 0.15),
      (.intraventricularDelay, 0.13), (.completeRightBundleBranchBlock, 0.15),
    ]
    // Left bundle branch block hides infarction, voltage and primary ST/T change alike, so it comes alone.
    if classes == [.CD] { choices.append((.completeLeftBundleBranchBlock, 0.2)) }
    return random.pick(choices)
  }

  private static func infarction(
    with kinds: [SyntheticFinding.Kind], _ random: inout CounterRandom
  ) -> SyntheticFinding.Kind {
    var walls: [(InfarctTerritory, weight: Double)] = [(.anteroseptal, 0.32), (.anterior, 0.14), (.lateral, 0.12)]
    // The rS complex of the fascicular block takes the place of inferior Q waves.
    if !kinds.contains(.leftAnteriorFascicularBlock) {
      walls += [(.inferior, weight: 0.36), (.inferoposterior, weight: 0.06)]
    }
    let stage = random.pick([(InfarctStage.old, weight: 0.6), (.recent, weight: 0.22), (.acute, weight: 0.18)])
    return .infarction(random.pick(walls), stage)
  }

  private static func repolarisation(
    with kinds: [SyntheticFinding.Kind], _ random: inout CounterRandom
  ) -> SyntheticFinding.Kind {
    if kinds.contains(.leftVentricularHypertrophy), random.chance(0.75) { return .strain }
    let infarcted = kinds.contains { $0.superclass == .MI }
    return random.pick([
      (.nonspecificRepolarisation, 0.40), (.stDepression, infarcted ? 0.40 : 0.26),
      (.tInversion, infarcted ? 0.0 : 0.22), (.longQT, 0.06),
    ])
  }
}
