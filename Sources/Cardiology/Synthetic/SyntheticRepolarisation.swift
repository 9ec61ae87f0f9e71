import Tensors

/// Primary changes of ST segment and T wave.
extension SyntheticHeart {
  mutating func applyRepolarisation(_ finding: SyntheticFinding, _ random: inout CounterRandom) {
    let severity = finding.severity
    switch finding.kind {
    case .nonspecificRepolarisation:
      scaleT(by: 0.75 - 0.70 * severity)
      shiftST(by: Moment(-0.03, -0.022, 0) * (0.1 + severity))
    case .stDepression:
      // Subendocardial injury of the free wall: depression in I, II, V4 to V6, elevation in aVR.
      scaleT(by: 0.95 - 0.7 * severity)
      shiftST(by: Moment(-0.09, -0.07, 0.02) * (0.2 + 1.3 * severity) * random.factor(0.12), until: 225)
    case .tInversion:
      blendT(towards: Moment(-0.24, -0.08, 0.10) * random.factor(0.15), blend: 0.30 + 0.7 * severity)
    case .strain:
      // Down-sloping ST and asymmetrically inverted T against the tall R waves.
      blendT(
        towards: Moment(-0.25, -0.09, -0.18), blend: 0.75 + 0.25 * severity, rise: 75, fall: 34, at: 250)
      shiftST(by: Moment(-0.07, -0.04, -0.05) * (0.7 + 0.7 * severity))
    case .longQT: qtFactor = 1.11 + 0.23 * severity
    default: break
    }
  }
}
