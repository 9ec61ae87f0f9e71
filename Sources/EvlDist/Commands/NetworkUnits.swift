import ArgumentParser
import Foundation

/// Bytes a second, written as networks are sold: "10", "10Gb/s", "25G", "1.2GB/s", "85MB/s".
struct LinkBandwidth: ExpressibleByArgument, Equatable {
  let bytesPerSecond: Double

  init?(argument: String) {
    let units: [String: Double] = [
      "": 1e9 / 8, "G": 1e9 / 8, "M": 1e6 / 8, "Gb/s": 1e9 / 8, "Mb/s": 1e6 / 8, "GB/s": 1e9, "MB/s": 1e6,
    ]
    guard let value = number(argument, units: units), value > 0 else { return nil }
    bytesPerSecond = value
  }
}

/// Seconds, written as "50", "50us", "0.05ms" or "5e-5s"; a bare number is in microseconds.
struct ShortTime: ExpressibleByArgument, Equatable {
  let seconds: Double

  init?(argument: String) {
    guard let value = number(argument, units: ["": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1, "ns": 1e-9]), value >= 0 else {
      return nil
    }
    seconds = value
  }
}

/// A finite number with one of the units behind it, times that unit.
private func number(_ text: String, units: [String: Double]) -> Double? {
  for (unit, factor) in units.sorted(by: { $0.key.count > $1.key.count }) where text.hasSuffix(unit) {
    guard let value = Double(text.dropLast(unit.count).trimmingCharacters(in: .whitespaces)) else { continue }
    return value.isFinite ? value * factor : nil
  }
  return nil
}
