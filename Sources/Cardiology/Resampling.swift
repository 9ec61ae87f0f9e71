import Foundation

extension ECGRecord {
  /// The record at another sampling rate, free of aliases and of delay.
  ///
  /// Rational polyphase filter: a sinc cut off at 0.92 of the lower Nyquist frequency under a Kaiser window of 32 zero
  /// crossings each side (80 dB), symmetric, hence without phase. What lies below 0.84 of the lower Nyquist frequency
  /// passes unchanged. Beyond the ends the signal continues by point reflection, so a straight line stays one.
  /// A NaN spreads over the filter's length. - Complexity: O(leads x output samples x filter length).
  /// - Parameter rate: Hz. - Precondition: positive and finite.
  public func resampled(to rate: Double) -> ECGRecord {
    precondition(rate > 0 && rate.isFinite, "sampling rate must be positive")
    guard rate != samplingRate, sampleCount > 0 else { return self }
    var result = self
    result.samplingRate = rate
    result.signal = PolyphaseResampler(from: samplingRate, to: rate).apply(to: signal)
    return result
  }
}

/// Resampling by the ratio up/down of two integers.
public struct PolyphaseResampler: Sendable {
  private let ratio: Double
  private let up: Int
  private let down: Int
  /// Cut-off over the input's Nyquist frequency.
  private let cutoff: Double
  /// Filter half length in input samples.
  public let reach: Int

  private static let zeroCrossings = 32.0
  private static let rollOff = 0.92
  private static let beta = 7.86

  /// - Parameters: Hz, positive and finite.
  public init(from source: Double, to target: Double) {
    // Rates are compared to a thousandth of a hertz.
    let numerator = max(1, Int((target * 1000).rounded()))
    let denominator = max(1, Int((source * 1000).rounded()))
    let divisor = Self.greatestCommonDivisor(numerator, denominator)
    up = numerator / divisor
    down = denominator / divisor
    ratio = Double(up) / Double(down)
    cutoff = Self.rollOff * min(1, ratio)
    reach = Int((Self.zeroCrossings / cutoff).rounded(.up))
  }

  /// Output sample m lies at input position m * down / up; samples that share a phase share their filter taps.
  func apply(to signals: [[Float]]) -> [[Float]] {
    let count = max(1, Int((Double(signals[0].count) * ratio).rounded()))
    let padding = reach + down / up + 2
    let padded = signals.map { Self.extended($0, by: padding) }
    var result = [[Float]](repeating: [Float](repeating: 0, count: count), count: signals.count)
    for phase in 0..<min(up, count) {
      let fraction = Double(phase * down % up) / Double(up)
      let taps = taps(fraction: fraction)
      for lead in padded.indices {
        for output in stride(from: phase, to: count, by: up) {
          let first = output * down / up + padding - reach
          var sum: Float = 0
          for tap in taps.indices { sum += taps[tap] * padded[lead][min(first + tap, padded[lead].count - 1)] }
          result[lead][output] = sum
        }
      }
    }
    return result
  }

  /// The values at the places first, first + step, ... of signals, in their samples, by the same filter.
  ///
  /// - Parameter step: about the ratio of the rates, which the filter is made for; here it need not be one of integers.
  /// - Precondition: every place lies within the signals.
  public func values(of signals: [[Float]], from first: Double, step: Double, count: Int) -> [[Float]] {
    var result = signals.map { _ in [Float](repeating: 0, count: count) }
    for output in 0..<count {
      let place = first + Double(output) * step
      let sample = Int(place.rounded(.down))
      let taps = taps(fraction: place - Double(sample))
      for (signal, samples) in signals.enumerated() {
        for tap in taps.indices {
          result[signal][output] += taps[tap] * Self.continued(samples, at: sample + tap - reach)
        }
      }
    }
    return result
  }

  /// A sample of a signal, or beyond its ends of its point reflection.
  private static func continued(_ samples: [Float], at place: Int) -> Float {
    let last = samples.count - 1
    if place < 0 { return 2 * samples[0] - samples[min(-place, last)] }
    if place > last { return 2 * samples[last] - samples[max(2 * last - place, 0)] }
    return samples[place]
  }

  /// Taps for the input samples -reach ... reach around a position `fraction` after a sample; they add up to 1.
  private func taps(fraction: Double) -> [Float] {
    let taps = (-reach...reach).map { index -> Double in
      let distance = Double(index) - fraction
      let place = distance * cutoff / Self.zeroCrossings
      guard abs(place) < 1 else { return 0 }
      let argument = Double.pi * cutoff * distance
      let sinc = abs(argument) < 1e-9 ? 1 : sin(argument) / argument
      return sinc * Self.besselI0(Self.beta * (1 - place * place).squareRoot())
    }
    let sum = taps.reduce(0, +)
    return taps.map { Float($0 / sum) }
  }

  /// The signal continued at both ends by point reflection: x(-i) = 2 x(0) - x(i), repeated as often as needed.
  static func extended(_ signal: [Float], by padding: Int) -> [Float] {
    let last = signal.count - 1
    guard last > 0 else { return [Float](repeating: signal[0], count: 2 * padding + 1) }
    return (-padding..<signal.count + padding).map { position in
      if position >= 0, position <= last { return signal[position] }
      let lap = Int((Double(position) / Double(last)).rounded(.down))
      let within = position - lap * last
      let turns = Float(lap)
      if lap % 2 == 0 { return signal[within] + turns * (signal[last] - signal[0]) }
      return (turns + 1) * signal[last] - (turns - 1) * signal[0] - signal[last - within]
    }
  }

  /// Modified Bessel function of the first kind, order 0, by its power series.
  private static func besselI0(_ x: Double) -> Double {
    var term = 1.0
    var sum = 1.0
    var index = 1.0
    while term > sum * 1e-14 {
      term *= (x / 2 / index) * (x / 2 / index)
      sum += term
      index += 1
    }
    return sum
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }
}
