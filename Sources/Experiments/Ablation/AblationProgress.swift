import Cluster
import Evaluation
import Foundation
import Tensors
import Training

/// An ablation looked at from outside, while it goes on or afterwards.
public struct AblationProgress: Codable, Sendable, Equatable {
  public var folder: String
  public var life: RunProgress.Life
  /// Whose job it is, where one holds the folder.
  public var job: String?
  /// Of the runs of the tables.
  public var runs: AblationSchedule.Progress
  /// Of those of the grids.
  public var grids: AblationSchedule.Progress
  /// Steps of the teacher that are done, before there are runs; nil where none is trained.
  public var teacher: AblationSchedule.Progress?
  /// The run that was done last, as a folder below the ablation's.
  public var newest: String?
  /// When it was done, ISO 8601.
  public var newestTime: String?
  /// Seconds until the last run, at the pace of the newest ones; nil where no job lives or fewer than two runs are done.
  public var secondsLeft: Double?
  /// Whether the tables are there.
  public var isFinished: Bool

  /// Runs that the pace is taken from.
  private static let recent = 10

  /// - Returns: nil for a folder that is no ablation's.
  /// - Throws: `UserError` for one whose schedule is damaged.
  public init?(_ folder: URL) throws {
    guard let schedule = try AblationSchedule(in: folder) else { return nil }
    self.folder = folder.path
    (life, job) = RunProgress.life(of: folder)
    (runs, grids) = (AblationSchedule.progress(schedule.runs), AblationSchedule.progress(schedule.grids))
    let left = runs.of + grids.of - runs.done - grids.done
    isFinished =
      left == 0 && FileManager.default.fileExists(atPath: folder.appendingPathComponent("ablation.json").path)
    let done = (schedule.runs + schedule.grids).compactMap { run in
      Self.time(run.appendingPathComponent(AblationAnswers.fileName)).map { (run: run, time: $0) }
    }.sorted { $0.time < $1.time }
    if done.isEmpty, let step = LoggedStep.last(in: folder).last {
      teacher = .init(done: step.step, of: step.steps)
    }
    guard let last = done.last else { return }
    newest = String(last.run.path.dropFirst(folder.path.count + 1))
    newestTime = ISO8601DateFormatter().string(from: last.time)
    let recent = done.suffix(Self.recent)
    if life == .running, recent.count > 1, left > 0 {
      secondsLeft =
        Double(left) * last.time.timeIntervalSince(recent[recent.startIndex].time) / Double(recent.count - 1)
    }
  }

  private static func time(_ file: URL) -> Date? {
    (try? FileManager.default.attributesOfItem(atPath: file.path))?[.modificationDate] as? Date
  }

  public func json() throws -> String { String(decoding: try reportJSON(), as: UTF8.self) }

  public func text() -> String {
    func told(_ progress: AblationSchedule.Progress) -> String { "\(progress.done) of \(progress.of) done" }
    var rows = [("ablation", folder), ("state", life.text(job, isFinished: isFinished))]
    if let teacher { rows.append(("teacher", "step \(teacher.done) of \(teacher.of)")) }
    if grids.of > 0 { rows.append(("grids", told(grids))) }
    rows.append(("runs", told(runs)))
    if let newest, let newestTime { rows.append(("newest", "\(newest), \(newestTime)")) }
    if let secondsLeft { rows.append(("left", RunProgress.duration(secondsLeft))) }
    return RunProgress.lines(rows)
  }
}
