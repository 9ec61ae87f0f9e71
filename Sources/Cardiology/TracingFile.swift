import Foundation
import Tensors

/// Many ECGs in one HDF5 file, as CODE-15% has them: `exam_id` [exams] and `tracings` [exams][samples][12] in mV at 400 Hz.
///
/// Leads stand in the order I II III AVR AVL AVF V1 to V6. Exams shorter than the file's 4,096 samples have rows of zeros
/// before and behind them, which are cut off. One exam is read at a time.
/// Source: Ribeiro et al., "CODE-15%: a large scale annotated dataset of 12-lead ECGs", 2021 (Zenodo 4916206). Its own texts
/// name unit and order of leads in several ways; in its recordings mV and aVR = -(I + II) / 2, aVL = I - II / 2 hold.
public struct TracingFile: Sendable {
  /// Samples per second.
  public static let samplingRate = 400.0

  public let url: URL
  /// The exams in the order of the file.
  public let ids: [Int]
  private let tracings: HDF5Dataset

  /// Samples of the longest exam that is read: 2.7 minutes.
  private static let mostSamples = 1 << 16

  /// Samples of each exam, zeros before and behind among them.
  public var sampleCount: Int { tracings.shape[1] }

  /// Reads what the file holds, but no tracing.
  /// - Throws: `UserError`: no such file (input/output), no HDF5 file of that form, damaged or cut short (bad input).
  public init(_ url: URL) throws {
    let file = try HDF5File(url)
    let (names, tracings) = (try file.dataset("exam_id"), try file.dataset("tracings"))
    guard case .integer = names.kind, names.shape.count == 1 else {
      throw file.bytes.fault("exam_id is no list of integers")
    }
    guard tracings.kind == .float, tracings.shape.count == 3, tracings.shape[2] == Lead.allCases.count,
      tracings.shape[1] <= Self.mostSamples
    else {
      let shape = tracings.shape.map { "\($0)" }.joined(separator: " x ")
      throw file.bytes.fault("tracings is of \(shape), not of exams x 4096 x 12 floating-point numbers")
    }
    guard names.shape[0] == tracings.shape[0] else {
      throw file.bytes.fault("\(names.shape[0]) numbers of exams for \(tracings.shape[0]) tracings")
    }
    ids = try names.integers(names.vector()).map { id in
      guard let id else { throw file.bytes.fault("exam_id holds a number beyond 63 bits") }
      return id
    }
    self.url = url
    self.tracings = tracings
  }

  /// The place of an exam in the file.
  /// - Throws: `UserError` (bad input) where the file holds none of that name.
  public func place(of id: String) throws -> Int {
    guard let number = Int(id), let place = ids.firstIndex(of: number) else {
      let known = ids.prefix(3).map { "\($0)" }.joined(separator: ", ")
      throw UserError(
        .badInput, "\(url.path): there is no exam \"\(id)\" among its \(ids.count)",
        remedy: "name one by its exam_id, such as \(known)")
    }
    return place
  }

  /// The exam at a place, without the zeros before and behind it.
  /// - Throws: `UserError` (bad input) where it cannot be read, or is zero throughout.
  public func record(at place: Int) throws -> ECGRecord {
    let leads = Lead.allCases.count
    let values = tracings.floats(try tracings.row(place))
    func isRecorded(_ row: Int) -> Bool { values[row * leads..<(row + 1) * leads].contains { $0 != 0 } }
    guard let first = (0..<sampleCount).first(where: isRecorded), let last = (0..<sampleCount).last(where: isRecorded)
    else {
      throw UserError(
        .badInput, "\(url.path): the tracing of exam \(ids[place]) is zero throughout",
        remedy: "leave the exam out of exams.csv")
    }
    let signal = Lead.allCases.indices.map { lead in (first...last).map { values[$0 * leads + lead] } }
    return ECGRecord(
      name: "\(ids[place])", samplingRate: Self.samplingRate, leads: Lead.allCases, signal: signal)
  }
}
