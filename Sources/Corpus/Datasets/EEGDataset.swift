import Cardiology
import Foundation
import Tensors

/// Epochs of one EEG around its events, each asked for its event: stimulus or response.
///
/// An epoch holds twelve electrodes in the places of the twelve leads, in the order of `EEGEpochs.channels`. From each the mean
/// before the event is taken. The epoch fills the view's 1000 samples however long it is, and 1 µV is shown as 0.01 mV.
///
/// Folds are blocks of time of equal length. Epochs overlap, and the filter that resamples them reaches further still, so an
/// event goes where all samples lie that its epoch is made of; where they lie in two blocks it is left out.
public struct EEGDataset: ECGDataset {
  public let name: String
  public let samples: [ECGSample]
  public let remarks: [String]
  public let settings: String
  public var questionSet: QuestionSet { .eegEvents }

  /// mV of the view for a microvolt of EEG: an evoked potential of 10 µV is as high as a P wave.
  static let gain: Float = 0.01

  private let epochs: EEGEpochs
  /// Of each electrode, µV.
  private let signals: [[Float]]
  private let cutter: EpochCutter
  /// Of each sample, s.
  private let onsets: [Double]

  /// - Parameter path: the EDF file, or a folder that holds one.
  /// - Throws: `UserError`: no such file; an electrode that is missing, or sampled or measured otherwise than the others;
  ///   events that are not there, are of another recording or of other types.
  public init(path: URL, epochs: EEGEpochs) throws {
    let recording = try EEGFiles.recording(at: path)
    let file = try EDFFile(recording)
    name = "EEG \(recording.deletingPathExtension().lastPathComponent)"
    self.epochs = epochs
    let channels = try epochs.channels.map { try file.electrode($0) }
    let (rate, count) = (file.signals[channels[0]].samplingRate, file.signals[channels[0]].sampleCount)
    if let odd = channels.first(where: { file.signals[$0].samplingRate != rate }) {
      throw UserError(
        .badInput,
        "\(file.name): \(file.signals[odd].label) has \(file.signals[odd].samplingRate) samples a second, "
          + "\(file.signals[channels[0]].label) \(rate)", remedy: "choose electrodes of one rate in data.eeg.channels")
    }
    signals = try channels.map { try file.microvolts(of: $0) }
    cutter = try EpochCutter(epochs, rate: rate, count: count, file: file.name)
    let events = try EEGEvents(of: file, beside: recording, table: epochs.events)
    try events.check(epochs, duration: file.duration, rate: rate)

    var (samples, onsets): ([ECGSample], [Double]) = ([], [])
    var left = (outside: 0, border: 0, others: 0)
    for (number, event) in events.list.enumerated() {
      guard let label = [epochs.stimulus: "stimulus", epochs.response: "response"][event.type] else {
        left.others += 1
        continue
      }
      guard cutter.isWithin(event.onset) else {
        left.outside += 1
        continue
      }
      guard let fold = cutter.fold(event.onset) else {
        left.border += 1
        continue
      }
      samples.append(
        ECGSample(
          id: "\(label)-\(number + 1)", index: samples.count, labels: [label], of: .eegEvents, report: "", fold: fold))
      onsets.append(event.onset)
    }
    (self.samples, self.onsets) = (Self.grouped(samples, onsets, length: epochs.end - epochs.start), onsets)
    remarks = Self.remarks(name, events.list.count, left)
    settings =
      "\(epochs.channels.joined(separator: " ")), \(epochs.start) to \(epochs.end) s, onsets "
      + onsets.map { "\($0)" }.joined(separator: " ")
  }

  /// The same samples, with the stretch of overlapping epochs that each lies in: a response's epoch holds most of its
  /// stimulus's, so that the two are no independent evidence.
  private static func grouped(_ samples: [ECGSample], _ onsets: [Double], length: Double) -> [ECGSample] {
    var (stretches, stretch) = ([Int](repeating: 0, count: samples.count), 0)
    var last = -Double.infinity
    for place in samples.indices.sorted(by: { (onsets[$0], $0) < (onsets[$1], $1) }) {
      if onsets[place] - last >= length { stretch += 1 }
      (stretches[place], last) = (stretch, onsets[place])
    }
    return zip(samples, stretches).map { sample, stretch in
      ECGSample(
        id: sample.id, index: sample.index, labels: sample.labels, of: sample.questionSet, report: sample.report,
        fold: sample.fold, group: .stretch(stretch))
    }
  }

  private static func remarks(_ name: String, _ count: Int, _ left: (outside: Int, border: Int, others: Int))
    -> [String]
  {
    let parts = [
      (left.border, "at the border of two folds"), (left.outside, "whose epoch is not all within the recording"),
      (left.others, "of other types"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return parts.isEmpty ? [] : ["\(name): of \(count) events are left out: \(parts.joined(separator: ", "))"]
  }

  /// The samples of the recording that an epoch is made of.
  func extent(of sample: ECGSample) -> ClosedRange<Int> { cutter.extent(onsets[sample.index]) }

  public func record(_ sample: ECGSample) throws -> ECGRecord {
    let before = Int((Double(ConditionedECG.sampleCount) * epochs.start / (epochs.start - epochs.end)).rounded(.up))
    let cut = cutter.values(of: signals, around: onsets[sample.index]).map { values in
      let baseline = values[..<before].reduce(0, +) / Float(before)
      return values.map { ($0 - baseline) * Self.gain }
    }
    return ECGRecord(name: sample.id, samplingRate: ConditionedECG.samplingRate, leads: Lead.allCases, signal: cut)
  }
}

/// Cuts epochs of the view's length out of a recording.
struct EpochCutter: Sendable {
  private let resampler: PolyphaseResampler
  private let rate: Double
  private let count: Int
  private let start: Double
  private let folds: Int
  /// Samples of the recording from one value of an epoch to the next.
  private let step: Double

  /// - Parameters:
  ///   - rate: Hz of the recording. - count: its samples.
  /// - Throws: `UserError` for a recording at a rate that an epoch cannot be cut from.
  init(_ epochs: EEGEpochs, rate: Double, count: Int, file: String) throws {
    let length = epochs.end - epochs.start
    guard (10...100_000).contains(rate), Double(count) > length * rate else {
      throw UserError(
        .badInput, "\(file): \(count) samples at \(rate) Hz, of which no epoch of \(length) s can be cut",
        remedy: "name a recording of 10 to 100,000 Hz that is longer than an epoch")
    }
    step = length * rate / Double(ConditionedECG.sampleCount)
    resampler = PolyphaseResampler(from: rate, to: rate / step)
    (self.rate, self.count, start, folds) = (rate, count, epochs.start, epochs.folds)
  }

  /// Place of the first value, in samples of the recording.
  private func first(_ onset: Double) -> Double { (onset + start) * rate }

  func isWithin(_ onset: Double) -> Bool {
    first(onset) >= 0 && first(onset) + step * Double(ConditionedECG.sampleCount - 1) <= Double(count - 1)
  }

  /// The samples that an epoch is made of, those within the filter's reach included. - Precondition: `isWithin`.
  func extent(_ onset: Double) -> ClosedRange<Int> {
    let last = first(onset) + step * Double(ConditionedECG.sampleCount - 1)
    return max(0, Int(first(onset)) - resampler.reach)...min(count - 1, Int(last) + 1 + resampler.reach)
  }

  /// The block of time, from 1, that holds all samples an epoch is made of; nil where they lie in two.
  func fold(_ onset: Double) -> Int? {
    let extent = extent(onset)
    let (low, high) = (extent.lowerBound * folds / count, extent.upperBound * folds / count)
    return low == high ? low + 1 : nil
  }

  func values(of signals: [[Float]], around onset: Double) -> [[Float]] {
    resampler.values(of: signals, from: first(onset), step: step, count: ConditionedECG.sampleCount)
  }
}
