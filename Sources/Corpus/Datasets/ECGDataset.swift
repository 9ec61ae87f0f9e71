import Cardiology
import Foundation
import Tensors

/// What is known about one recording without reading its signal.
public struct ECGSample: Sendable, Equatable {
  /// Unique in its data set.
  public let id: String
  /// Position in `ECGDataset.samples`; the key of every random draw about the recording.
  public let index: Int
  /// Of the names in `questionSet`; empty where the data set has no labels.
  public let labels: Set<String>
  /// What it is asked.
  public let questionSet: QuestionSet
  /// The clinical report; empty where the data set has none.
  public let report: String
  /// Cross-validation fold, 1 ... 10.
  public let fold: Int
  /// What it belongs to with others that depend on it; nil where the data set does not say.
  public let group: Group?

  /// Recordings that depend on each other, so that a resample draws all of them or none.
  public enum Group: Sendable, Hashable {
    case patient(String)
    /// Of one recording: epochs that overlap one after the other, numbered in time.
    case stretch(Int)

    /// Unique among the groups of a data set.
    public var name: String {
      switch self {
      case .patient(let id): "patient \(id)"
      case .stretch(let number): "stretch \(number)"
      }
    }

    /// What several of its kind are called.
    public var plural: String {
      switch self {
      case .patient: "patients"
      case .stretch: "stretches of overlapping epochs"
      }
    }
  }

  /// A recording with labels of any kind.
  public init(
    id: String, index: Int, labels: Set<String>, of questionSet: QuestionSet, report: String, fold: Int,
    group: Group? = nil
  ) {
    self.id = id
    self.index = index
    self.labels = labels
    self.questionSet = questionSet
    self.report = report
    self.fold = fold
    self.group = group
  }

  /// An ECG; the patient is empty where the data set does not say.
  public init(
    id: String, index: Int, superclasses: Set<Superclass>, report: String, fold: Int, patient: String = ""
  ) {
    self.init(
      id: id, index: index, labels: Set(superclasses.map(\.rawValue)), of: .superclasses, report: report, fold: fold,
      group: patient.isEmpty ? nil : .patient(patient))
  }

  /// The diagnostic superclasses among its labels.
  public var superclasses: Set<Superclass> { Set(labels.compactMap(Superclass.init)) }

  /// What a resample draws: the group with all its recordings, or the recording that is of none.
  public var subject: String { group?.name ?? id }
}

/// A set of recordings whose metadata is in memory and whose signals are read on demand.
public protocol ECGDataset: Sendable {
  var name: String { get }
  var samples: [ECGSample] { get }
  /// What a user should know about what was read, a line each: records left out and why.
  var remarks: [String] { get }
  /// What its recordings are asked.
  var questionSet: QuestionSet { get }
  /// Every setting that changes its recordings, in words; empty where there is none.
  var settings: String { get }
  /// The recording of a sample, as stored. Safe to call from several threads.
  /// - Throws: `UserError` naming the file and the remedy.
  func record(_ sample: ECGSample) throws -> ECGRecord
}

extension ECGDataset {
  public var remarks: [String] { [] }
  public var questionSet: QuestionSet { .superclasses }
  public var settings: String { "" }

  /// The samples of some folds, in the order of the data set.
  /// - Throws: `UserError` of kind badInput when the folds hold none.
  public func samples(inFolds folds: Set<Int>) throws -> [ECGSample] {
    let chosen = samples.filter { folds.contains($0.fold) }
    guard !chosen.isEmpty else {
      let present = Set(samples.map(\.fold)).sorted().map(String.init).joined(separator: ", ")
      throw UserError(
        .badInput,
        "\(name): no records in fold \(folds.sorted().map(String.init).joined(separator: ", "))",
        remedy: "the folds present are \(present)")
    }
    return chosen
  }

  /// SHA-256 (hex) over settings, ids, folds, labels and reports: equal for equal metadata.
  public var metadataFingerprint: String {
    var text = name + (settings.isEmpty ? "" : "\n" + settings)
    for sample in samples {
      let labels = questionSet.labels.map(\.name).filter(sample.labels.contains).joined(separator: " ")
      text += "\n\(sample.id)\t\(sample.fold)\t\(labels)\t\(sample.report)"
    }
    return Digest.sha256(Data(text.utf8))
  }
}

extension ECGSample {
  /// A fold in 1 ... 10 drawn from a key, for data sets that come without folds.
  static func keyedFold(seed: UInt64, index: Int) -> Int {
    var random = CounterRandom(seed: seed, purpose: "fold", sample: UInt64(index))
    return 1 + random.integer(below: 10)
  }
}
