import Foundation
import Tensors

/// A heart dipole in mV-equivalents along the torso's axes: x to the left, y down, z to the back.
typealias Moment = SIMD3<Double>

/// One event of the cardiac cycle: a course in time, times a fixed dipole moment.
///
/// Times are in ms from the reference point of the beat (about the peak of the R wave).
struct CardiacWave: Sendable {
  enum Course: Sendable {
    /// exp(-(t - centre)^2 / (2 sigma^2)), sigma being `rise` before the centre and `fall` after it.
    case bell(centre: Double, rise: Double, fall: Double)
    /// A level between `start` and `end` with tanh edges: the ST segment.
    case plateau(start: Double, end: Double, rise: Double, fall: Double)
  }

  var course: Course
  var moment: Moment

  init(at centre: Double, width: Double, fall: Double? = nil, _ moment: Moment) {
    course = .bell(centre: centre, rise: width, fall: fall ?? width)
    self.moment = moment
  }

  init(from start: Double, to end: Double, rise: Double, fall: Double, _ moment: Moment) {
    course = .plateau(start: start, end: end, rise: rise, fall: fall)
    self.moment = moment
  }

  var centre: Double {
    switch course {
    case .bell(let centre, _, _): centre
    case .plateau(let start, let end, _, _): (start + end) / 2
    }
  }

  /// Where the course is above a twelfth of its peak (sigma times 2.2 to each side).
  var extent: ClosedRange<Double> {
    switch course {
    case .bell(let centre, let rise, let fall): centre - 2.2 * rise...centre + 2.2 * fall
    case .plateau(let start, let end, let rise, let fall): start - rise...end + fall
    }
  }

  /// The wave later by `shift` and `stretch` times as long, about time 0.
  func moved(by shift: Double = 0, stretch: Double = 1) -> CardiacWave {
    var copy = self
    switch course {
    case .bell(let centre, let rise, let fall):
      copy.course = .bell(centre: centre * stretch + shift, rise: rise * stretch, fall: fall * stretch)
    case .plateau(let start, let end, let rise, let fall):
      copy.course = .plateau(
        start: start * stretch + shift, end: end * stretch + shift, rise: rise * stretch, fall: fall * stretch)
    }
    return copy
  }

  /// The wave as a recorder of Gaussian impulse response (sigma `blur`) takes it: variances add, the area stays.
  ///
  /// This is the anti-alias filter in closed form, exact for symmetric bells; level edges are slow enough without.
  func recorded(blur: Double) -> CardiacWave {
    guard case .bell(let centre, let rise, let fall) = course else { return self }
    let newRise = (rise * rise + blur * blur).squareRoot()
    let newFall = (fall * fall + blur * blur).squareRoot()
    var copy = self
    copy.course = .bell(centre: centre, rise: newRise, fall: newFall)
    copy.moment *= (rise + fall) / (newRise + newFall)
    return copy
  }

  /// Adds the wave of a beat at `beat` ms to the dipole sampled every `interval` ms. Evaluated out to 5 sigma, where it
  /// is below 4e-6 of its peak, so nothing drifts and nothing jumps.
  func add(to dipole: inout [Moment], beat: Double, interval: Double, gain: Double) {
    let reach: ClosedRange<Double>
    switch course {
    case .bell(let centre, let rise, let fall): reach = centre - 5 * rise...centre + 5 * fall
    case .plateau(let start, let end, let rise, let fall): reach = start - 7 * rise...end + 7 * fall
    }
    let first = max(0, Int(((beat + reach.lowerBound) / interval).rounded(.up)))
    let last = min(dipole.count - 1, Int(((beat + reach.upperBound) / interval).rounded(.down)))
    guard first <= last else { return }
    let scaled = moment * gain
    for index in first...last { dipole[index] += scaled * value(at: Double(index) * interval - beat) }
  }

  /// The course at `time` ms, between 0 and 1.
  private func value(at time: Double) -> Double {
    switch course {
    case .bell(let centre, let rise, let fall):
      let z = (time - centre) / (time < centre ? rise : fall)
      return exp(-0.5 * z * z)
    case .plateau(let start, let end, let rise, let fall):
      return 0.5 * (tanh((time - start) / rise) - tanh((time - end) / fall))
    }
  }
}

/// The lead vectors that project the dipole on the eight independent leads I, II, V1 to V6.
///
/// Source: Dower, Machado, Osborne, "On deriving the electrocardiogram from vectorcardiographic leads", 1980 (the matrix
/// of which the inverse Dower transform is the pseudo-inverse).
struct LeadField: Sendable {
  /// In the order I, II, V1, ..., V6.
  var vectors: [Moment]

  static let dower = LeadField(vectors: [
    Moment(0.632, -0.235, 0.059), Moment(0.235, 1.066, -0.132), Moment(-0.515, 0.157, -0.917),
    Moment(0.044, 0.164, -1.387), Moment(0.882, 0.098, -1.277), Moment(1.213, 0.127, -0.601),
    Moment(1.125, 0.127, -0.086), Moment(0.831, 0.076, 0.230),
  ])

  /// The field of one torso: chest electrodes slid towards their neighbours, gains and directions scattered.
  static func torso(_ random: inout CounterRandom) -> LeadField {
    var field = dower
    let slide = random.normal(mean: 0, deviation: 0.18, in: -0.4...0.4)
    for lead in 2..<8 {
      let own = dower.vectors[lead]
      let shift = slide + random.normal(mean: 0, deviation: 0.10, in: -0.25...0.25)
      let neighbour = shift > 0 ? min(lead + 1, 7) : max(lead - 1, 2)
      field.vectors[lead] = own + abs(shift) * (dower.vectors[neighbour] - own)
    }
    for lead in 0..<8 {
      field.vectors[lead] *= random.factor(0.06)
      for axis in 0..<3 { field.vectors[lead][axis] += random.normal(mean: 0, deviation: 0.03, in: -0.06...0.06) }
    }
    return field
  }

  /// One lead's potential, mV, for every sample of the dipole.
  func project(_ dipole: [Moment], lead: Int) -> [Double] {
    let vector = vectors[lead]
    return dipole.map { $0.x * vector.x + $0.y * vector.y + $0.z * vector.z }
  }
}
