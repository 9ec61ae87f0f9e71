import Tensors

/// Hypertrophy of the ventricles, enlargement of the atria.
extension SyntheticHeart {
  mutating func applyHypertrophy(_ finding: SyntheticFinding, _ random: inout CounterRandom) {
    let severity = finding.severity
    switch finding.kind {
    case .leftAtrialEnlargement: enlargeLeftAtrium(severity)
    case .rightAtrialEnlargement: enlargeRightAtrium(severity)
    case .rightVentricularHypertrophy: enlargeRightVentricle(severity, &random)
    default: break  // the left ventricle's voltage is set last, by `limitVoltage`
    }
  }

  /// P mitrale: notched and over 120 ms in II, its second half backwards and so negative in V1.
  private mutating func enlargeLeftAtrium(_ severity: Double) {
    guard atria.count == 2 else { return }
    let size = 1.1 + 0.7 * severity
    let delay = 12 + 14 * severity
    atria[1].moment = atria[1].moment * size + Moment(0.01, 0, 0.02 + 0.05 * severity)
    atria = [atria[0].moved(by: -delay - 4), atria[1].moved(by: 4)]
  }

  /// P pulmonale: over 0.25 mV and pointed in II, III and aVF.
  private mutating func enlargeRightAtrium(_ severity: Double) {
    guard atria.count == 2 else { return }
    atria[0].moment = Moment(0.02, 0.24 + 0.10 * severity, -0.08)
    atria[0] = atria[0].moved(by: 5)
  }

  /// The right ventricle outweighs the left: R over S in V1, deep S in V6, axis to the right, T inverted in V1 to V3.
  private mutating func enlargeRightVentricle(_ severity: Double, _ random: inout CounterRandom) {
    let right = 1.0 + 0.4 * severity
    let waves = [
      CardiacWave(at: -24, width: 8.5, Moment(-0.04, -0.05, -0.16)),
      CardiacWave(at: -6, width: 10, Moment(0.44, 0.20, -0.34)),
      CardiacWave(at: 9, width: 10, Moment(-0.30, 0.42, -0.34) * right),
      CardiacWave(at: 26, width: 12, Moment(-0.52, 0.20, 0.06) * right),
      CardiacWave(at: 40, width: 9, Moment(-0.12, -0.04, 0.05)),
    ]
    let share = 0.50 + 0.50 * severity
    for index in ventricles.indices { ventricles[index].moment *= 1 - share }
    ventricles += Self.scattered(waves, gain: share * random.factor(0.12), &random)
    blendT(towards: Moment(0.12, 0.06, 0.16), blend: 0.55 + 0.45 * severity)
    shiftST(by: Moment(0.01, -0.01, 0.05) * severity)
  }

  /// Scales the ventricles' voltage so that the Sokolow-Lyon index in mV lies on its side of the limit of 3.5: above it
  /// with left ventricular hypertrophy, below it without; the young may reach 3.9 in health.
  mutating func limitVoltage(_ findings: [SyntheticFinding], age: Int, field: LeadField) {
    let index = sokolowLyon(field)
    guard index > 0.1 else { return }
    var factor = 1.0
    if let hypertrophy = findings.first(where: { $0.kind == .leftVentricularHypertrophy }) {
      factor = min((3.62 + 1.5 * hypertrophy.severity) / index, 4)
      repolarisation = repolarisation.map { wave in
        var copy = wave
        copy.moment *= min(1 + 0.25 * (factor - 1), 1.3)
        return copy
      }
    } else if !findings.contains(where: { $0.kind == .completeLeftBundleBranchBlock }) {
      factor = min((age < 45 ? 4.0 : 3.48) / index, 1)
    }
    for index in ventricles.indices { ventricles[index].moment *= factor }
  }
}
