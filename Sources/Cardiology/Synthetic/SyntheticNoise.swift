import Foundation
import Tensors

/// What a recording picks up besides the heart, electrode by electrode, so that every lead sees what its electrodes see.
///
/// Nine electrodes (right arm, left arm, left leg, V1 to V6) carry muscle noise, mains hum, baseline wander by breathing
/// and slow drift, and now and then a moved electrode. Leads are I = LA - RA, II = LL - RA, Vk = Ck - (RA + LA + LL)/3.
struct SyntheticNoise: Sendable {
  private let muscle: [Double]
  private let mains: [(amplitude: Double, phase: Double)]
  private let drift: [[(amplitude: Double, frequency: Double, phase: Double)]]
  private let motion: (electrode: Int, time: Double, height: Double, recovery: Double)?

  /// Draws the levels, in mV; the samples themselves come with `leads(samples:rate:)`.
  init(breathing: (frequency: Double, phase: Double), _ random: inout CounterRandom) {
    let tension = 0.009 * exp(0.6 * random.normal(mean: 0, deviation: 1, in: -2...2.2))
    let hum = random.chance(0.3) ? random.uniform(0.002, 0.012) : 0.001
    let restlessness = 0.03 * exp(0.6 * random.normal(mean: 0, deviation: 1, in: -2...2))
    var muscle: [Double] = []
    var mains: [(Double, Double)] = []
    var drift: [[(Double, Double, Double)]] = []
    for _ in 0..<9 {
      muscle.append(tension * random.factor(0.35))
      mains.append((hum * random.factor(0.5), random.uniform(0, 0.6)))
      var waves = [
        (0.5 * restlessness * random.factor(0.5), breathing.frequency, breathing.phase + 0.6 * random.normal())
      ]
      for _ in 0..<4 {
        let frequency = random.uniform(0.04, 0.45)
        waves.append(
          (restlessness * 0.12 / (frequency + 0.1) * random.uniform(), frequency, random.uniform(0, 2 * .pi)))
      }
      drift.append(waves)
    }
    self.muscle = muscle
    self.mains = mains
    self.drift = drift
    let moves = random.chance(0.12)
    let event = (
      electrode: random.integer(below: 9), time: random.uniform(0.5, 9), height: random.uniform(0.08, 0.35),
      recovery: random.uniform(0.3, 0.9)
    )
    motion =
      moves ? (event.electrode, event.time, random.chance(0.5) ? event.height : -event.height, event.recovery) : nil
  }

  /// Adds the noise to the eight independent leads I, II, V1 to V6, each of `samples` values in mV.
  func add(to leads: inout [[Double]], rate: Double, _ random: inout CounterRandom) {
    guard let count = leads.first?.count else { return }
    let electrodes = (0..<9).map { potential(of: $0, count: count, rate: rate, &random) }
    for index in 0..<count {
      let (right, left, leg) = (electrodes[0][index], electrodes[1][index], electrodes[2][index])
      let terminal = (right + left + leg) / 3
      leads[0][index] += left - right
      leads[1][index] += leg - right
      for chest in 0..<6 { leads[2 + chest][index] += electrodes[3 + chest][index] - terminal }
    }
  }

  private func potential(
    of electrode: Int, count: Int, rate: Double, _ random: inout CounterRandom
  ) -> [Double] {
    // Muscle noise reaches to about 150 Hz: a slower recorder sees its share of the power.
    let level = muscle[electrode] * (min(rate / 2, 150) / 50).squareRoot()
    var values = [Double](repeating: 0, count: count)
    var previous = 0.0
    for index in 0..<count {
      let white = random.quickNormal()
      values[index] = level * (white - 0.3 * previous)
      previous = white
    }
    for wave in drift[electrode] { Self.addTone(wave, to: &values, rate: rate) }
    // The recorder's anti-alias filter removes what lies near or above half the sampling rate.
    if rate > 120 { Self.addTone((mains[electrode].amplitude, 50, mains[electrode].phase), to: &values, rate: rate) }
    if let motion, motion.electrode == electrode {
      for index in 0..<count {
        let t = Double(index) / rate - motion.time
        values[index] += motion.height * exp(-max(t, 0) / motion.recovery) / (1 + exp(-t / 0.03))
      }
    }
    return values
  }

  /// amplitude * cos(2 pi frequency t + phase) by rotation of a unit vector, two products a sample.
  private static func addTone(
    _ tone: (amplitude: Double, frequency: Double, phase: Double), to values: inout [Double], rate: Double
  ) {
    let step = 2 * Double.pi * tone.frequency / rate
    let (turnCosine, turnSine) = (cos(step), sin(step))
    var (x, y) = (tone.amplitude * cos(tone.phase), tone.amplitude * sin(tone.phase))
    for index in values.indices {
      values[index] += x
      (x, y) = (x * turnCosine - y * turnSine, x * turnSine + y * turnCosine)
    }
  }
}
