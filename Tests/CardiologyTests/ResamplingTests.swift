import Foundation
import Tensors
import Testing

@testable import Cardiology

@Suite struct ResamplingTests {
  static func record(_ rate: Double, seconds: Double = 4, _ wave: (Double) -> Double) -> ECGRecord {
    let samples = (0..<Int(rate * seconds)).map { Float(wave(Double($0) / rate)) }
    return ECGRecord(name: "wave", samplingRate: rate, leads: [.I], signal: [samples])
  }

  /// Largest difference from the wave, away from the ends.
  static func error(_ record: ECGRecord, margin: Double = 0.5, _ wave: (Double) -> Double) -> Double {
    let margin = Int(margin * record.samplingRate)
    return (margin..<record.sampleCount - margin).reduce(0) { worst, index in
      max(worst, abs(Double(record.signal[0][index]) - wave(Double(index) / record.samplingRate)))
    }
  }

  @Test(arguments: [(100.0, 500.0), (500, 100), (400, 100), (100, 400), (500, 400), (400, 500), (257, 100), (360, 500)])
  func sinusoidsBelowBothNyquistFrequenciesKeepAmplitudeAndPhase(source: Double, target: Double) {
    for share in [0.02, 0.3, 0.6, 0.8] {
      let frequency = share * min(source, target) / 2
      let wave = { (time: Double) in sin(2 * .pi * frequency * time + 0.7) }
      let result = Self.record(source, wave).resampled(to: target)
      #expect(result.samplingRate == target)
      #expect(result.sampleCount == Int(4 * target))
      #expect(Self.error(result, wave) < 1e-3, "\(frequency) Hz")
    }
  }

  @Test(arguments: [(500.0, 100.0), (400, 100), (500, 400)])
  func whatTheLowerRateCannotHoldVanishes(source: Double, target: Double) {
    for frequency in [target / 2 * 1.02, target * 0.6, source / 2 * 0.97] {
      let result = Self.record(source) { sin(2 * .pi * frequency * $0) }.resampled(to: target)
      #expect(Self.error(result) { _ in 0 } < 1e-3, "\(frequency) Hz")
    }
  }

  @Test func straightLinesAndConstantsStayAsTheyAreUpToTheEnds() {
    for (source, target) in [(100.0, 500.0), (500, 100), (400, 360)] {
      let result = Self.record(source) { 2 - 0.5 * $0 }.resampled(to: target)
      #expect(Self.error(result, margin: 0) { 2 - 0.5 * $0 } < 1e-3)
    }
  }

  @Test func upAndDownAgainGivesTheRecordBack() {
    var random = CounterRandom(seed: 3, purpose: "resampling")
    let parts = (0..<8).map { _ in (random.uniform(0.5, 35), random.normal(), random.uniform(0, 6)) }
    let wave = { (time: Double) in parts.reduce(0) { $0 + $1.1 * sin(2 * .pi * $1.0 * time + $1.2) } }
    let record = Self.record(100, wave)
    let back = record.resampled(to: 500).resampled(to: 100)
    #expect(back.sampleCount == record.sampleCount)
    #expect(Self.error(back, wave) < 5e-3)
  }

  @Test func shortRecordsAndOddRatesNeverTrap() {
    for count in [1, 2, 3, 10] {
      let record = ECGRecord(
        name: "short", samplingRate: 500, leads: [.I], signal: [[Float](repeating: 1.5, count: count)])
      for rate in [1, 99.9, 100, 333.333, 1000] {
        #expect(record.resampled(to: rate).signal[0].allSatisfy { abs($0 - 1.5) < 1e-4 })
      }
    }
  }
}
