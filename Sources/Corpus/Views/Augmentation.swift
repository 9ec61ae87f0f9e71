import Cardiology
import Tensors

/// Random changes of a recording that leave its diagnosis alone.
///
/// Applied to the conditioned record before any view, so teacher and student see the same one. Each draw is a function of
/// (seed, epoch, sample) alone.
public struct Augmentation: Sendable, Equatable {
  /// Largest circular shift in time to either side, s.
  public var shift: Double
  /// Gain of the whole record, uniform in 1 - gain ... 1 + gain.
  public var gain: Double
  /// Further gain of each lead, uniform in 1 - leadGain ... 1 + leadGain.
  public var leadGain: Double
  /// Standard deviation of white noise, mV: each value the sum of four uniform ones, so bell-shaped and bounded.
  public var noise: Double
  /// Probability that a lead is silenced; one lead is always kept.
  public var leadDropout: Double

  public init(
    shift: Double = 1, gain: Double = 0.15, leadGain: Double = 0.05, noise: Double = 0.01, leadDropout: Double = 0
  ) {
    self.shift = shift
    self.gain = gain
    self.leadGain = leadGain
    self.noise = noise
    self.leadDropout = leadDropout
  }

  /// Leaves every record as it is.
  public static let none = Augmentation(shift: 0, gain: 0, leadGain: 0, noise: 0, leadDropout: 0)

  /// The record as it is seen in an epoch. - Complexity: O(leads x samples).
  public func apply(to record: ECGRecord, seed: UInt64, epoch: Int, sample: Int) -> ECGRecord {
    guard self != .none else { return record }
    var random = CounterRandom(seed: seed, purpose: "augmentation", step: UInt64(epoch), sample: UInt64(sample))
    let count = record.sampleCount
    let reach = min(Int(shift * record.samplingRate), count / 2)
    let shift = random.integer(below: 2 * reach + 1) - reach
    let first = shift < 0 ? shift + count : shift
    let recordGain = random.uniform(1 - gain, 1 + gain)
    let leadGains = record.leads.map { _ in Float(recordGain * random.uniform(1 - leadGain, 1 + leadGain)) }
    let silenced = record.leads.map { _ in random.uniform() < leadDropout }
    let kept = random.integer(below: max(1, record.leads.count))

    var result = record
    for (lead, samples) in record.signal.enumerated() {
      if silenced[lead], lead != kept {
        result.signal[lead] = [Float](repeating: 0, count: count)
        continue
      }
      let gain = leadGains[lead]
      result.signal[lead] = samples[first...].map { $0 * gain } + samples[..<first].map { $0 * gain }
    }
    guard noise > 0 else { return result }
    for lead in result.signal.indices where !silenced[lead] || lead == kept {
      Self.addNoise(Float(noise), to: &result.signal[lead], &random)
    }
    return result
  }

  /// Adds white noise of a standard deviation.
  ///
  /// The sum of the four 16-bit parts of a random word has mean 2 (2^16 - 1) and variance (2^32 - 1) / 3.
  private static func addNoise(_ deviation: Float, to samples: inout [Float], _ random: inout CounterRandom) {
    let unit = deviation / (Float(UInt32.max) / 3).squareRoot()
    for sample in samples.indices {
      let word = random.next()
      let sum = (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + word >> 48
      samples[sample] += unit * Float(Int(sum) - 2 * 0xFFFF)
    }
  }
}
