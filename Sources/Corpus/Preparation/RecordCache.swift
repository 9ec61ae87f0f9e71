import Cardiology
import Synchronization
import Tensors

/// Conditioned records of a data set, read once and kept in memory as whole microvolts (24 kB a record).
///
/// The first reading gives the same rounded values as every later one, so results do not depend on what was read before.
/// Safe to use from several threads.
public final class RecordCache: Sendable {
  public let dataset: any ECGDataset
  private let stored: Mutex<[[Int16]?]>

  public init(_ dataset: any ECGDataset) {
    self.dataset = dataset
    stored = Mutex(Array(repeating: nil, count: dataset.samples.count))
  }

  /// The conditioned record of a sample; amplitudes beyond +-32.767 mV are clipped.
  /// - Throws: `UserError` naming the file or record at fault, and the remedy.
  public func record(_ sample: ECGSample) throws -> ECGRecord {
    if let known = stored.withLock({ $0[sample.index] }) { return Self.unpacked(known, name: sample.id) }
    let packed = Self.packed(try conditioned(sample))
    stored.withLock { $0[sample.index] = packed }
    return Self.unpacked(packed, name: sample.id)
  }

  private func conditioned(_ sample: ECGSample) throws -> ECGRecord {
    do { return try dataset.record(sample).conditioned() } catch let error as UserError {
      throw UserError(error.kind, "\(dataset.name), sample \(sample.id): \(error.message)", remedy: error.remedy)
    }
  }

  private static func packed(_ record: ECGRecord) -> [Int16] {
    record.signal.flatMap { samples in
      samples.map { Int16(max(-32_767, min(32_767, ($0 * 1000).rounded()))) }
    }
  }

  private static func unpacked(_ microvolts: [Int16], name: String) -> ECGRecord {
    let count = ConditionedECG.sampleCount
    let signal = (0..<ConditionedECG.leadCount).map { lead in
      microvolts[lead * count..<(lead + 1) * count].map { Float($0) / 1000 }
    }
    return ECGRecord(name: name, samplingRate: ConditionedECG.samplingRate, leads: Lead.allCases, signal: signal)
  }
}
