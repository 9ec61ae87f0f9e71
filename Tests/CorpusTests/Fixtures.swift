import Cardiology
import Foundation
import Tensors

@testable import Corpus

/// A data set of small random recordings, some of which cannot be read.
struct ProbeDataset: ECGDataset {
  let name = "probe"
  let samples: [ECGSample]
  var damaged: Set<Int> = []

  init(count: Int, damaged: Set<Int> = []) {
    self.damaged = damaged
    samples = (0..<count).map { index in
      let superclass = Superclass.allCases[index % 5]
      return ECGSample(
        id: "p\(index)", index: index, superclasses: [superclass], report: "report \(index)", fold: 1 + index % 10)
    }
  }

  func record(_ sample: ECGSample) throws -> ECGRecord {
    if damaged.contains(sample.index) {
      throw UserError(.badInput, "p\(sample.index).dat: the file is cut off", remedy: "fetch it again")
    }
    return .random(seed: UInt64(sample.index))
  }
}

extension ECGRecord {
  /// Twelve leads of noise in whole microvolts.
  static func random(seed: UInt64, count: Int = 1000, rate: Double = 100) -> ECGRecord {
    var random = CounterRandom(seed: seed, purpose: "record")
    let signal = Lead.allCases.map { _ in
      (0..<count).map { _ in Float(random.integer(below: 4001) - 2000) / 1000 }
    }
    return ECGRecord(name: "random", samplingRate: rate, leads: Lead.allCases, signal: signal)
  }
}

/// A WFDB record of format 16 whose samples are a short ramp, checksums right.
func writeRecord(_ name: String, in folder: URL, samples: Int = 1000, invalidAt invalid: Int? = nil) throws {
  let leads = Lead.allCases
  var bytes = Data()
  var checksums = [Int16](repeating: 0, count: leads.count)
  for time in 0..<samples {
    for lead in leads.indices {
      let value: Int16 = time == invalid && lead == 3 ? .min : Int16((time * (lead + 1)) % 700)
      checksums[lead] &+= value
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
  }
  let url = folder.appendingPathComponent(name)
  try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
  let short = url.lastPathComponent
  var header = "\(short) 12 100 \(samples)\n"
  for (lead, checksum) in zip(leads, checksums) {
    header += "\(short).dat 16 1000.0(0)/mV 16 0 0 \(checksum) 0 \(lead.rawValue)\n"
  }
  try Data(header.utf8).write(to: url.appendingPathExtension("hea"))
  try bytes.write(to: url.appendingPathExtension("dat"))
}

extension Question.Kind {
  /// Yes or no to one superclass.
  static func superclass(_ superclass: Superclass) -> Self { .label(superclass.rawValue) }
}
