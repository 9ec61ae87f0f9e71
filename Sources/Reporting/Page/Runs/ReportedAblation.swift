import Evaluation
import Foundation
import Tensors

/// The results of an ablation as a report reads them of its `ablation.json`.
public struct ReportedAblation: Decodable {
  struct Score: Decodable {
    var metric: String
    var mean: Estimate
    /// Of each seed, where it is defined.
    var seeds: [Double?]?
    /// Minus the method that all are compared with.
    var difference: PairedDifference?
  }

  struct Row: Decodable {
    var method: String
    /// Beside the configuration's own, the condition's first.
    var settings: [String]?
    /// What the paper has for it, in per cent.
    var paper: Double?
    /// Why it was left out.
    var skipped: String?
    var scores: [Score]
    /// Of runs that came to nothing.
    var failures: [String]?
    /// Of each run's last start.
    var seconds: [Double]?
    /// On the records of several superclasses alone.
    var combined: [Score]

    subscript(metric: String) -> Score? { scores.first { $0.metric == metric } }
  }

  /// A grid, scored on a fold of the training folds.
  struct Search: Decodable {
    struct Point: Decodable {
      var settings: [String]
      var score: Double?
    }

    var method: String
    /// Absent in results of earlier versions.
    var condition: String?
    var fold: Int
    var seeds: [UInt64]
    var chosenFor: [String]
    var points: [Point]
    var best: [String]
    /// Keys whose best value is the least or the greatest that was tried; absent in results of earlier versions.
    var atEdge: [String]?

    /// The chosen values of these keys.
    var bestAtEdge: [String] {
      best.filter { chosen in
        guard let own = Self.value(chosen) else { return false }
        if let atEdge { return atEdge.contains(own.key) }
        let tried = points.flatMap(\.settings).compactMap { Self.value($0) }.filter { $0.key == own.key }.map {
          $0.value
        }
        guard let least = tried.min(), let most = tried.max(), least < most else { return false }
        return own.value == least || own.value == most
      }
    }

    private static func value(_ setting: String) -> (key: String, value: Double)? {
      let parts = setting.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let value = Double(parts[1]) else { return nil }
      return (key: String(parts[0]), value: value)
    }
  }

  /// What the results were made by, and of; older ones do not say all of it.
  struct Origin: Decodable {
    var program: String?
    var commit: String?
    /// That made the runs.
    var programs: [String]?
    /// The configuration that all runs vary, by key.
    var configuration: [String: String]?
  }

  struct Table: Decodable {
    var condition: String
    var settings: [String]
    var rows: [Row]

    subscript(method: String) -> Row? { rows.first { $0.method == method } }
  }

  var origin: Origin?
  var subset: String
  var records: Int
  var steps: Int
  var seeds: [UInt64]
  var comparedWith: String
  /// Absent in results of earlier versions.
  var bootstrap: Bootstrap?
  var tables: [Table]
  var combinedRecords: Int
  var searches: [Search]
  /// Patients for one, that resamples draw; absent where they draw records.
  struct Groups: Decodable {
    var name: String
    var count: Int
  }
  var groups: Groups?
  var remarks: [String]
  var teacher: Row?
  /// The folder that holds it; the file does not say.
  private(set) var folder = URL(fileURLWithPath: "/")
  /// The newest start of each run of the tables whose folder is there; or why the folders are not known.
  private(set) var starts: Result<[StartRecord], UserError> = .success([])

  private enum CodingKeys: String, CodingKey {
    case origin, subset, records, steps, seeds, comparedWith, bootstrap, tables, combinedRecords, searches, groups,
      remarks,
      teacher
  }

  /// Whether a folder is that of an ablation, finished or not.
  public static func isAblation(_ folder: URL) -> Bool {
    [RunFile.ablation, AblationSchedule.fileName].contains {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
    }
  }

  /// - Returns: nil where the folder holds no results of an ablation.
  /// - Throws: `UserError` for results that are damaged.
  public static func read(_ folder: URL) throws -> ReportedAblation? {
    let file = folder.appendingPathComponent(RunFile.ablation)
    guard let data = try? Data(contentsOf: file) else { return nil }
    guard var read = try? JSONDecoder().decode(Self.self, from: data) else {
      throw UserError(
        .badInput, "\(file.path) is damaged, or of another version",
        remedy: "the same ablate command writes it again; runs that are done are not repeated")
    }
    read.folder = folder.standardizedFileURL
    read.starts = starts(in: read.folder)
    return read
  }

  /// What the schedule leads to. Results of earlier versions have none beside them.
  private static func starts(in folder: URL) -> Result<[StartRecord], UserError> {
    func unknown(_ state: String) -> Result<[StartRecord], UserError> {
      let file = AblationSchedule.fileName
      return .failure(
        UserError(
          .badInput, "\(file), which names their folders, is \(state)",
          remedy: "the same ablate command writes \(file); runs that are done are not repeated"))
    }
    do {
      guard let schedule = try AblationSchedule(in: folder) else { return unknown("missing") }
      return .success(schedule.runs.compactMap { StartRecord.newest(in: $0) })
    } catch {
      return unknown("damaged, or of another version")
    }
  }
}
