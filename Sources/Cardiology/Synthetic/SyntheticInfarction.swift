import Tensors

extension InfarctTerritory {
  /// Unit vector from the heart's centre to the wall.
  var direction: Moment {
    switch self {
    case .anteroseptal: Moment(0.12, -0.05, -0.99)
    case .anterior: Moment(0.45, -0.10, -0.89)
    case .lateral: Moment(0.88, -0.46, 0.05)
    case .inferior, .inferoposterior: Moment(-0.04, 1.0, 0.05)
    }
  }

  /// ST elevation of an acute infarction, mV: towards the wall, so opposite leads show its mirror image.
  var injury: Moment {
    switch self {
    case .anteroseptal: Moment(0.02, -0.09, -0.21)
    case .anterior: Moment(0.14, -0.09, -0.19)
    case .lateral: Moment(0.24, -0.16, 0.05)
    case .inferior: Moment(-0.01, 0.23, 0.03)
    case .inferoposterior: Moment(0.02, 0.21, 0.20)
    }
  }
}

/// Myocardial infarction: necrosis (Q waves), injury (ST elevation), ischaemia (T inversion).
extension SyntheticHeart {
  mutating func infarct(
    _ territory: InfarctTerritory, _ stage: InfarctStage, severity: Double, _ random: inout CounterRandom
  ) {
    let wall = territory.direction
    let loss = stage == .acute ? 0.05 + 0.75 * severity : 0.10 + 0.90 * severity
    removeForces(of: territory, share: loss)
    let depth = stage == .acute ? 0.02 + 0.22 * severity : 0.03 + 0.28 * severity
    ventricles += Self.scattered(necrosis(territory, depth: depth), gain: 1, &random)

    let strength = random.factor(0.15)
    switch stage {
    case .acute:
      shiftST(by: territory.injury * (0.25 + 1.0 * severity) * strength, until: 225)
      repolarisation.append(CardiacWave(at: 245, width: 55, fall: 42, wall * 0.18 * (0.15 + severity)))
    case .recent:
      shiftST(by: territory.injury * (0.08 + 0.40 * severity) * strength)
      invertT(wall, depth: 0.07 + 0.25 * severity, remaining: 0.9 - 0.6 * severity)
    case .old:
      invertT(wall, depth: 0.17 * severity, remaining: 1 - 0.3 * severity)
    }
  }

  /// Takes away what the dead wall used to add to the first half of the QRS, in the direction of the wall.
  private mutating func removeForces(of territory: InfarctTerritory, share: Double) {
    let wall = territory.direction
    for index in ventricles.indices {
      let centre = ventricles[index].centre
      let early = centre < -12 ? 1.0 : centre < 0 ? 0.75 : centre < 8 ? 0.35 : 0.1
      let forward = (ventricles[index].moment * wall).sum()
      guard forward > 0 else { continue }
      ventricles[index].moment -= wall * forward * share * early
    }
  }

  /// The initial forces away from the wall that make the pathological Q wave, `depth` in mV-equivalents.
  private func necrosis(_ territory: InfarctTerritory, depth: Double) -> [CardiacWave] {
    let wall = territory.direction
    switch territory {
    case .anteroseptal, .anterior:
      // QS or poor R progression in V1 to V4: posterior forces from the first instant on.
      return [
        CardiacWave(at: -19, width: 10, wall * -1.1 * depth), CardiacWave(at: -4, width: 9.5, wall * -1.8 * depth),
      ]
    case .lateral:
      return [
        CardiacWave(at: -23, width: 12, wall * -1.35 * depth), CardiacWave(at: -7, width: 12, wall * -1.7 * depth),
      ]
    case .inferior:
      return [
        CardiacWave(at: -23, width: 12, wall * -1.1 * depth), CardiacWave(at: -6, width: 12, wall * -1.25 * depth),
      ]
    case .inferoposterior:
      // The posterior wall's loss leaves tall R waves in V1 and V2.
      return [
        CardiacWave(at: -23, width: 12, wall * -1.1 * depth), CardiacWave(at: -6, width: 12, wall * -1.25 * depth),
        CardiacWave(at: 4, width: 12, Moment(0, 0, -2.0 * depth)),
      ]
    }
  }

  private mutating func invertT(_ wall: Moment, depth: Double, remaining: Double) {
    for index in repolarisation.indices {
      let along = (repolarisation[index].moment * wall).sum()
      repolarisation[index].moment -= wall * max(along, 0) * (1 - remaining)
    }
    repolarisation.append(CardiacWave(at: 262, width: 48, fall: 42, wall * -depth))
  }
}
