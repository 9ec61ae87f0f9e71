import Foundation
import Tensors

/// Who the recording is of.
struct SyntheticPatient: Sendable {
  var age: Int
  var isMale: Bool

  init(superclasses: Set<Superclass>, _ random: inout CounterRandom) {
    let healthy = superclasses.contains(.NORM)
    age = Int(random.normal(mean: healthy ? 53 : 67, deviation: healthy ? 17 : 12, in: 18...92))
    isMale = random.chance(superclasses.contains(.MI) ? 0.65 : 0.48)
  }
}

/// One cardiac cycle as a moving dipole: Gaussian events for P, Q, R, S and T, and levels for the ST segment.
///
/// Times are in ms from the reference point near the R wave's peak. The normal moments and the larger ones of the
/// bundle branch and fascicular blocks were found by least squares from mean beats of public 12-lead recordings seen
/// through the inverse Dower transform. Sources: McSharry et al., "A dynamical model for generating synthetic
/// electrocardiogram signals", 2003 (sum of Gaussian events); Sameni et al., "Multichannel ECG and noise modeling", 2007
/// (the same for the three axes of the dipole).
struct SyntheticHeart: Sendable {
  var atria: [CardiacWave]
  var ventricles: [CardiacWave]
  /// ST segment and T wave; these move with the rate, and with `qtFactor`.
  var repolarisation: [CardiacWave]
  var qtFactor: Double = 1
  /// Turn of this heart in its chest, in degrees: `frontal` clockwise as seen from the front (to the right and down).
  let frontal: Double
  let horizontal: Double

  /// A normal heart; its axis turns to the left and its T waves flatten with age, men's are taller before the chest.
  init(patient: SyntheticPatient, _ random: inout CounterRandom) {
    let age = Double(patient.age)
    frontal = random.normal(mean: 0.4 * (52 - age), deviation: 18, in: -58...38)
    horizontal = random.normal(mean: 0, deviation: 10, in: -22...22)
    let voltage = random.factor(0.24) * (1.21 - 0.0022 * age) * (patient.isMale ? 1.04 : 0.96)
    let tension = random.factor(0.30) * (1.45 - 0.006 * age)
    let men = patient.isMale ? 1.25 : 0.85

    atria = [
      CardiacWave(at: -162, width: 18, Moment(0.028, 0.080, -0.035)),
      CardiacWave(at: -134, width: 20, Moment(0.052, 0.048, 0.026)),
    ]
    ventricles = [
      CardiacWave(at: -20, width: 8.5, Moment(-0.13, -0.07, -0.24)),
      CardiacWave(at: -7, width: 9.5, Moment(0.68, 0.25, -0.05)),
      CardiacWave(at: 2, width: 7.5, Moment(0.70, 0.38, 0.38)),
      CardiacWave(at: 15, width: 9, Moment(-0.18, 0.05, 0.58)),
      CardiacWave(at: 35, width: 8, Moment(-0.05, -0.02, 0.07)),
    ]
    repolarisation = [
      CardiacWave(at: 208, width: 85, fall: 62, Moment(0, 0, -0.13 * men)),
      CardiacWave(at: 254, width: 52, fall: 42, Moment(0.23, 0.14, -0.06)),
      CardiacWave(at: 425, width: 30, fall: 38, Moment(0.012, 0.006, -0.020)),  // U wave
    ]
    atria = Self.scattered(atria, gain: random.factor(0.22), &random).map { turned($0, share: 0.3) }
    let delay = random.normal(mean: 2, deviation: 17, in: -28...32)
    atria = atria.map { $0.moved(by: -delay) }
    ventricles = Self.scattered(ventricles, gain: voltage, &random).map { turned($0) }
    repolarisation = Self.scattered(repolarisation, gain: tension, &random).map { turned($0, share: 0.5) }
    qtFactor = random.normal(mean: 1, deviation: 0.035, in: 0.93...1.07)
    addVariants(patient: patient, &random)
  }

  /// What healthy hearts differ in, and what makes slight disease hard to tell from it: the initial forces (small Q waves,
  /// slow R progression), a terminal r' in V1, the level of the J point, flat or turned T waves, the QRS duration.
  private mutating func addVariants(patient: SyntheticPatient, _ random: inout CounterRandom) {
    func scatter(_ deviation: Double) -> Moment {
      Moment(
        random.normal(mean: 0, deviation: deviation, in: -2 * deviation...2 * deviation),
        random.normal(mean: 0, deviation: deviation, in: -2 * deviation...2 * deviation),
        random.normal(mean: 0, deviation: deviation, in: -2 * deviation...2 * deviation))
    }
    ventricles[0].moment += scatter(0.045)
    ventricles[1].moment += scatter(0.06)
    if random.chance(0.15) {
      let size = random.uniform(0.1, 0.7)
      ventricles.append(CardiacWave(at: 36, width: 8.5, Moment(-0.15, 0.02, -0.26) * size))
    }
    let duration = random.normal(mean: 1, deviation: 0.04, in: 0.92...1.08)
    ventricles = ventricles.map { $0.moved(stretch: duration) }
    shiftST(by: scatter(0.012))
    if patient.isMale, patient.age < 50 { shiftST(by: Moment(0.02, 0.015, -0.035) * random.uniform(0, 1.2)) }
    repolarisation.append(CardiacWave(at: 254, width: 52, fall: 42, scatter(0.045)))
    if random.chance(0.15) { scaleT(by: random.uniform(0.45, 0.9)) }
  }

  /// The waves with a patient's scatter in time, width, size and direction.
  static func scattered(_ waves: [CardiacWave], gain: Double, _ random: inout CounterRandom) -> [CardiacWave] {
    waves.map { wave in
      let scale = max(abs(wave.centre), 20)
      var copy = wave.moved(
        by: random.normal(mean: 0, deviation: 0.02 * scale, in: -0.04 * scale...0.04 * scale))
      if case .bell(let centre, let rise, let fall) = copy.course {
        let width = random.factor(0.04)
        copy.course = .bell(centre: centre, rise: rise * width, fall: fall * width)
      }
      let size = (wave.moment * wave.moment).sum().squareRoot()
      for axis in 0..<3 {
        copy.moment[axis] += 0.09 * size * random.normal(mean: 0, deviation: 1, in: -2...2)
      }
      copy.moment *= gain * random.factor(0.08)
      return copy
    }
  }

  /// The wave turned with the heart, by a share of its angles.
  func turned(_ wave: CardiacWave, share: Double = 1) -> CardiacWave {
    let (f, h) = (share * frontal * .pi / 180, share * horizontal * .pi / 180)
    let (x, y, z) = (wave.moment.x, wave.moment.y, wave.moment.z)
    let turnedX = x * cos(f) - y * sin(f)
    var copy = wave
    copy.moment = Moment(turnedX * cos(h) - z * sin(h), x * sin(f) + y * cos(f), turnedX * sin(h) + z * cos(h))
    return copy
  }

  /// The J point: the end of the last ventricular wave of any size, in ms.
  var jPoint: Double {
    let largest = ventricles.map { ($0.moment * $0.moment).sum() }.max() ?? 0
    let lasting = ventricles.filter { ($0.moment * $0.moment).sum() > 0.01 * largest }
    return lasting.map(\.extent.upperBound).max() ?? 50
  }

  mutating func scaleT(by factor: Double) {
    for index in repolarisation.indices { repolarisation[index].moment *= factor }
  }

  /// Replaces the share `blend` of the T wave by one of another moment.
  mutating func blendT(
    towards moment: Moment, blend: Double, rise: Double = 50, fall: Double = 40, at centre: Double = 256
  ) {
    scaleT(by: 1 - blend)
    repolarisation.append(CardiacWave(at: centre, width: rise, fall: fall, moment * blend))
  }

  /// Shifts the ST segment, from just before the J point into the T wave.
  mutating func shiftST(by moment: Moment, until end: Double = 215) {
    let start = jPoint - 14
    repolarisation.append(
      CardiacWave(from: start, to: max(end, start + 90), rise: 11, fall: 42, moment))
  }

  /// The waves of a beat that follows the last one after `interval` seconds.
  ///
  /// The repolarisation is stretched by qtFactor * (RR / 0.87 s)^0.4, between the laws of Fridericia and Bazett; the PR
  /// interval shortens a little at high rates.
  func beat(after interval: Double, withAtria: Bool = true) -> [CardiacWave] {
    let rate = min(max(interval, 0.4), 1.4) / 0.87
    let stretch = qtFactor * pow(rate, 0.4)
    var waves = ventricles
    if withAtria { waves += atria.map { $0.moved(by: 22 * (1 - rate)) } }
    return waves + repolarisation.map { stretched($0, by: stretch) }
  }

  /// Stretches a wave of the repolarisation; the ST segment keeps its start at the J point.
  private func stretched(_ wave: CardiacWave, by factor: Double) -> CardiacWave {
    guard case .plateau(let start, let end, let rise, let fall) = wave.course else {
      return wave.moved(stretch: factor)
    }
    let newEnd = max(end * factor, start + 50)
    return CardiacWave(from: start, to: newEnd, rise: rise, fall: fall * factor, wave.moment)
  }

  /// The noise-free potential of one lead from -400 to 600 ms in steps of 2 ms, for a beat at 69/min.
  func template(_ field: LeadField, lead: Int) -> [Double] {
    var dipole = [Moment](repeating: .zero, count: 501)
    for wave in beat(after: 0.87) { wave.add(to: &dipole, beat: 400, interval: 2, gain: 1) }
    return field.project(dipole, lead: lead)
  }

  /// The index of Sokolow and Lyon, S in V1 plus the larger R of V5 and V6, in mV.
  func sokolowLyon(_ field: LeadField) -> Double {
    let complex = 165...260  // -70 ... 120 ms
    let s = -(template(field, lead: 2)[complex].min() ?? 0)
    let r = max(template(field, lead: 6)[complex].max() ?? 0, template(field, lead: 7)[complex].max() ?? 0)
    return s + r
  }
}
