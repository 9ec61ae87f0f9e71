import Foundation

@testable import Cardiology

/// What a reader measures with a ruler: intervals and levels of the median beat, taken from the signal alone.
///
/// Beats are found by the speed of the eight independent leads, aligned at its centre, and combined sample by sample with
/// the median, which drops an ectopic beat.
struct MeasuredECG {
  private let rate: Double
  /// Sample indices of the QRS complexes.
  let complexes: [Int]
  private var beat: [Lead: [Float]] = [:]
  private let before: Int
  /// Onset and end of the QRS in the median beat, samples.
  private var onset = 0
  private var end = 0
  /// Where the level of the PR segment is read, 16 ms before the QRS.
  private var base: Int { max(onset - Int(0.016 * rate), 0) }

  init(_ record: ECGRecord) {
    rate = record.samplingRate
    let speed = Self.speed(Lead.independent.compactMap { record[$0] }, rate: record.samplingRate)
    complexes = Self.peaks(Self.smoothed(speed, over: Int(0.10 * rate)), apart: Int(0.3 * rate))
    let (before, after) = (Int(0.35 * rate), Int(0.45 * rate))
    self.before = before
    for lead in Lead.allCases {
      guard let signal = record[lead] else { continue }
      let cuts = complexes.filter { $0 >= before && $0 + after <= signal.count }
        .map { Array(signal[$0 - before..<$0 + after]) }
      beat[lead] = (0..<before + after).map { index in Self.median(cuts.map { $0[index] }) }
    }
    let slow = Self.speed(Lead.independent.compactMap { beat[$0] }, rate: rate)
    (onset, end) = Self.complex(in: slow, around: before, rate: rate)
  }

  var heartRate: Double {
    guard let first = complexes.first, let last = complexes.last, last > first else { return 0 }
    return 60 * Double(complexes.count - 1) * rate / Double(last - first)
  }

  /// Width of the QRS over all leads, ms.
  var qrsWidth: Double { Double(end - onset) * 1000 / rate }
  /// R or R' of a lead, mV against the level before the QRS.
  func tallest(_ lead: Lead) -> Float { complex(lead).max() ?? 0 }
  /// Deepest point of the QRS, mV, as a positive number.
  func deepest(_ lead: Lead) -> Float { -(complex(lead).min() ?? 0) }

  /// Depth and length in ms of a negative deflection that starts the QRS of a lead; (0, 0) where it starts upwards.
  func initialQ(_ lead: Lead) -> (depth: Float, milliseconds: Double) {
    let values = complex(lead)
    guard let start = values.firstIndex(where: { abs($0) > 0.03 }), values[start] < 0 else { return (0, 0) }
    let stop = values[start...].firstIndex { $0 > 0 } ?? values.count
    return (-(values[start..<stop].min() ?? 0), Double(stop - start) * 1000 / rate)
  }

  /// ST level 60 ms after the J point, mV.
  func st(_ lead: Lead) -> Float { level(lead, at: end + Int(0.06 * rate)) }

  /// The extreme of the T wave with its sign, mV.
  func t(_ lead: Lead) -> Float {
    let start = end + Int(0.08 * rate)
    guard let signal = beat[lead], start < signal.count else { return 0 }
    let values = signal[start...].map { $0 - signal[base] }
    return values.max { abs($0) < abs($1) } ?? 0
  }

  /// The extreme of the QRS in the last third of its course, with its sign, mV.
  func terminal(_ lead: Lead) -> Float {
    complex(lead).suffix((end - onset) * 2 / 5).max { abs($0) < abs($1) } ?? 0
  }

  /// Number of upward peaks of more than 0.1 mV above the notch before them within the QRS.
  func notches(_ lead: Lead) -> Int {
    let values = complex(lead)
    var (peaks, low, high, rising) = (0, Float.infinity, -Float.infinity, true)
    for value in values {
      if rising {
        high = max(high, value)
        if value < high - 0.04, high > 0.1 { (rising, low, peaks) = (false, value, peaks + 1) }
      } else {
        low = min(low, value)
        if value > low + 0.04 { (rising, high) = (true, value) }
      }
    }
    return peaks
  }

  /// From the onset of P, where lead II leaves its level by 0.012 mV, to the onset of QRS, in ms.
  var pr: Double {
    guard let two = beat[.II] else { return 0 }
    let base = two[0..<before].sorted()[before / 8]
    let peak = two[0..<max(onset - 5, 1)].indices.max { two[$0] < two[$1] } ?? 0
    let start = two[0...peak].lastIndex { $0 < base + 0.012 } ?? 0
    return Double(onset - start) * 1000 / rate
  }

  private func complex(_ lead: Lead) -> [Float] { (onset...end).map { level(lead, at: $0) } }

  private func level(_ lead: Lead, at index: Int) -> Float {
    guard let signal = beat[lead], index < signal.count else { return 0 }
    return signal[index] - signal[base]
  }

  /// Speed of the heart vector over the leads, mV/s.
  private static func speed(_ leads: [[Float]], rate: Double) -> [Double] {
    guard let count = leads.first?.count, count > 2 else { return [] }
    var squares = [Double](repeating: 0, count: count)
    for lead in leads {
      for index in 1..<count - 1 {
        let slope = Double(lead[index + 1] - lead[index - 1]) * rate / 2
        squares[index] += slope * slope
      }
    }
    return squares.map { $0.squareRoot() }
  }

  private static func smoothed(_ values: [Double], over width: Int) -> [Double] {
    var sums = [0.0]
    for value in values { sums.append((sums.last ?? 0) + value) }
    return values.indices.map { index in
      (sums[min(values.count, index + width / 2 + 1)] - sums[max(0, index - width / 2)]) / Double(width)
    }
  }

  private static func peaks(_ values: [Double], apart: Int) -> [Int] {
    let limit = 0.3 * (values.max() ?? 0)
    return values.indices.filter { index in
      guard values[index] > limit, index > 0, index < values.count - 1 else { return false }
      let window = max(0, index - apart / 2)...min(values.count - 1, index + apart / 2)
      return window.allSatisfy { values[$0] < values[index] || ($0 >= index && values[$0] <= values[index]) }
    }
  }

  /// The stretch around `centre` where the speed stays above 12 mV/s, bridging 20 ms.
  private static func complex(in speed: [Double], around centre: Int, rate: Double) -> (Int, Int) {
    let bridge = Int(0.020 * rate)
    func limit(step: Int) -> Int {
      var (edge, index) = (centre, centre)
      while speed.indices.contains(index), abs(index - edge) <= bridge {
        if speed[index] > 12 { edge = index }
        index += step
      }
      return edge
    }
    return (limit(step: -1), limit(step: 1))
  }

  private static func median(_ values: [Float]) -> Float {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }
}

extension Lead {
  /// The leads the others follow from.
  static let independent: [Lead] = [.I, .II, .V1, .V2, .V3, .V4, .V5, .V6]
}
