import Tensors

/// Conduction disturbances: what the ventricles do when a fascicle or a branch does not conduct.
extension SyntheticHeart {
  mutating func applyConduction(_ finding: SyntheticFinding, _ random: inout CounterRandom) {
    let severity = finding.severity
    switch finding.kind {
    case .firstDegreeAVBlock: delayVentricles(by: severity)
    case .intraventricularDelay: slowVentricles(severity)
    case .completeRightBundleBranchBlock: blockRightBranch(severity, &random)
    case .incompleteRightBundleBranchBlock: delayRightBranch(severity, &random)
    case .leftAnteriorFascicularBlock: blockAnteriorFascicle(severity, &random)
    case .completeLeftBundleBranchBlock: blockLeftBranch(severity, &random)
    default: break
    }
  }

  /// A PR interval of 206 to 306 ms.
  private mutating func delayVentricles(by severity: Double) {
    let onset = ventricles.map(\.extent.lowerBound).min() ?? 0
    let pr = onset - (atria.map(\.extent.lowerBound).min() ?? 0)
    atria = atria.map { $0.moved(by: pr - 206 - 100 * severity) }
  }

  /// QRS of 110 to 130 ms without the pattern of either branch; slurred at its end.
  private mutating func slowVentricles(_ severity: Double) {
    let stretch = 1.25 + 0.18 * severity
    ventricles = ventricles.map { $0.moved(stretch: stretch) }
    ventricles.append(CardiacWave(at: 40, width: 10, Moment(0.12, -0.10, 0.10)))
  }

  /// The right ventricle last and slowly, forwards and to the right: R' in V1, wide S in I, V5 and V6; T opposite in V1.
  private mutating func blockRightBranch(_ severity: Double, _ random: inout CounterRandom) {
    // Without the right ventricle the late forces to the back are not yet opposed, nor last they: a shallow S in V1.
    for index in ventricles.indices where ventricles[index].centre > -4 {
      ventricles[index].moment.z *= 0.25
      if ventricles[index].centre > 9 { ventricles[index].moment *= 0.4 }
    }
    let size = 0.85 + 0.4 * severity
    let late = [
      CardiacWave(at: 30, width: 9, Moment(-0.14, 0.02, -0.14) * size),
      CardiacWave(at: 49, width: 14, Moment(-0.34, -0.02, -0.55) * size),
      CardiacWave(at: 76, width: 12, Moment(-0.11, -0.03, -0.15) * size),
    ]
    ventricles += Self.scattered(late, gain: 1, &random)
    repolarisation.append(CardiacWave(at: 235, width: 58, fall: 48, Moment(0.03, 0.02, 0.22) * size))
  }

  /// A small r' in V1 within a QRS of normal width.
  private mutating func delayRightBranch(_ severity: Double, _ random: inout CounterRandom) {
    let size = 0.42 + 0.95 * severity
    let late = [CardiacWave(at: 38, width: 9, Moment(-0.17, 0.02, -0.30) * size)]
    ventricles += Self.scattered(late, gain: 1, &random)
  }

  /// First down and to the right, then unopposed up and to the left: qR in I and aVL, rS in II, III and aVF.
  private mutating func blockAnteriorFascicle(_ severity: Double, _ random: inout CounterRandom) {
    let waves = [
      CardiacWave(at: -21, width: 8.5, Moment(-0.10, 0.16, -0.18)),
      CardiacWave(at: -6, width: 9, Moment(0.84, 0.06, -0.05)),
      CardiacWave(at: 9, width: 10, Moment(0.06, -0.44 - 0.2 * severity, 0.34)),
      CardiacWave(at: 21, width: 12, Moment(-0.28, -0.38 - 0.2 * severity, 0.42)),
      CardiacWave(at: 44, width: 9, Moment(-0.04, -0.05, 0.02)),
    ]
    ventricles = Self.scattered(waves, gain: random.factor(0.18), &random).map { turned($0, share: 0.25) }
  }

  /// The left ventricle late, from the septum's right side: broad notched R in I, aVL, V5, V6, rS or QS in V1 to V3, and
  /// ST and T against the QRS.
  private mutating func blockLeftBranch(_ severity: Double, _ random: inout CounterRandom) {
    let gain = (0.85 + 0.35 * severity) * random.factor(0.08)
    let septal = random.chance(0.6) ? -0.16 : 0.05
    let waves = [
      CardiacWave(at: -27, width: 10, Moment(0.10, 0.06, septal)),
      CardiacWave(at: -4, width: 14, Moment(0.60, 0.16, 0.46)),
      CardiacWave(at: 24, width: 17, Moment(0.20, 0.10, 1.20)),
      CardiacWave(at: 52, width: 15, Moment(0.62, -0.10, 0.58)),
      CardiacWave(at: 78, width: 13, Moment(0.18, -0.12, 0.16)),
    ]
    ventricles = Self.scattered(waves, gain: gain, &random).map { turned($0, share: 0.35) }
    repolarisation = Self.scattered(
      [CardiacWave(at: 240, width: 74, fall: 52, Moment(-0.30, -0.06, -0.38))], gain: gain, &random)
    shiftST(by: Moment(-0.08, -0.02, -0.12) * gain, until: 200)
  }
}
