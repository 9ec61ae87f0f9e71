import Foundation
import Tensors

/// What sets the pace.
enum RhythmKind: Sendable {
  case sinus, atrialFibrillation
}

/// The beats of a recording.
///
/// Sinus rhythm is the phase oscillator of McSharry et al. (2003) in closed form: the instantaneous rate is
/// f(t) = f0 (1 + sum of a_k cos(2 pi f_k t + p_k)) with a bimodal spectrum (Mayer waves about 0.1 Hz, respiration about
/// 0.25 Hz), its integral is the phase, and a beat falls on each whole turn. Atrial fibrillation draws each interval for
/// itself.
struct SyntheticRhythm: Sendable {
  struct Beat: Sendable {
    /// Seconds from the start of the recording; may lie outside of it.
    var time: Double
    /// Seconds since the beat before.
    var interval: Double
    var isEctopic = false
  }

  let kind: RhythmKind
  let beats: [Beat]
  /// Respiration, in Hz and radians; amplitudes and baseline follow it too.
  let breathing: (frequency: Double, phase: Double)
  private let duration: Double

  /// - Parameters:
  ///   - duration: seconds to cover; beats lie up to a second and a half beyond either end.
  ///   - rate: mean rate, 1/min.
  init(
    kind: RhythmKind, rate: Double, age: Int, ectopics: Bool, duration: Double, _ random: inout CounterRandom
  ) {
    let breath = (random.uniform(0.17, 0.34), random.uniform(0, 2 * .pi))
    let sinus = Self.sinusTimes(rate: rate, age: age, breathing: breath, duration: duration, &random)
    var times = kind == .sinus ? sinus : Self.fibrillationTimes(rate: rate, duration: duration, &random)
    var ectopicBeats: Set<Int> = []
    if ectopics, kind == .sinus, times.count > 8 {
      // A premature beat in place of a sinus beat; the next one comes on time: the full compensatory pause.
      for start in random.chance(0.4) ? [4, times.count - 5] : [5] {
        let beat = start + random.integer(below: 2)
        times[beat] = times[beat - 1] + random.uniform(0.56, 0.68) * (times[beat] - times[beat - 1])
        ectopicBeats.insert(beat)
      }
    }
    self.kind = kind
    self.duration = duration
    breathing = breath
    beats = times.indices.dropFirst().map {
      Beat(time: times[$0], interval: times[$0] - times[$0 - 1], isEctopic: ectopicBeats.contains($0))
    }
  }

  private static func sinusTimes(
    rate: Double, age: Int, breathing: (Double, Double), duration: Double, _ random: inout CounterRandom
  ) -> [Double] {
    let base = rate / 60
    // Variability falls with age and with rate.
    let depth = 0.045 * exp(-0.016 * Double(age - 20)) * (70 / rate) * random.factor(0.4)
    var waves: [(amplitude: Double, frequency: Double, phase: Double)] = []
    for _ in 0..<5 {
      let frequency = random.normal(mean: 0.1, deviation: 0.012, in: 0.07...0.13)
      waves.append((depth * 0.35 * random.factor(0.3), frequency, random.uniform(0, 2 * .pi)))
    }
    waves.append((depth * 1.1, breathing.0, breathing.1))
    waves.append((depth * 0.3, breathing.0 * 1.07, random.uniform(0, 2 * .pi)))
    func phase(_ t: Double) -> Double {
      waves.reduce(t) { sum, wave in
        let angular = 2 * Double.pi * wave.frequency
        return sum + wave.amplitude / angular * sin(angular * t + wave.phase)
      } * base
    }
    func speed(_ t: Double) -> Double {
      base * (1 + waves.reduce(0) { $0 + $1.amplitude * cos(2 * .pi * $1.frequency * t + $1.phase) })
    }
    let offset = random.uniform()
    let first = Int((phase(-2.5) - offset).rounded(.up))
    let last = Int(phase(duration + 1.5) - offset)
    return (first...last).map { turn in
      let target = Double(turn) + offset
      var t = target / base
      for _ in 0..<8 { t -= (phase(t) - target) / speed(t) }
      return t
    }
  }

  private static func fibrillationTimes(
    rate: Double, duration: Double, _ random: inout CounterRandom
  ) -> [Double] {
    var times = [-2.5 - random.uniform()]
    var time = times[0]
    while time < duration + 1.5 {
      time += 60 / rate * random.factor(0.19)
      times.append(time)
    }
    return times
  }

  /// Heart rate in 1/min over the beats whose R wave lies within the recording: 60 / mean interval.
  var rate: Double {
    let seen = beats.map(\.time).filter { $0 >= 0.06 && $0 <= duration - 0.06 }
    guard let first = seen.first, let last = seen.last, seen.count > 1 else { return 0 }
    return 60 * Double(seen.count - 1) / (last - first)
  }

  /// Relative deviation of the intervals of the sinus beats.
  var irregularity: Double {
    let intervals = zip(beats, beats.dropFirst()).filter { !$0.isEctopic && !$1.isEctopic }.map { $1.interval }
    guard intervals.count > 2 else { return 0 }
    let mean = intervals.reduce(0, +) / Double(intervals.count)
    let variance = intervals.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(intervals.count)
    return variance.squareRoot() / mean
  }
}
