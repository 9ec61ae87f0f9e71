import Cluster
import Foundation
import Tensors
import Training

/// A run looked at from outside, while it goes on or afterwards.
public struct RunProgress: Codable, Sendable, Equatable {
  public enum Life: String, Codable, Sendable {
    /// A job holds the folder and lives.
    case running
    /// No job holds it.
    case stopped
    /// Its job was killed.
    case killed
    /// Its job is on another host and gives no sign.
    case silent
  }

  /// One saved state.
  public struct Save: Codable, Sendable, Equatable {
    public var step: Int
    /// ISO 8601.
    public var time: String
  }

  public var folder: String
  public var life: Life
  /// Whose job it is, where one holds the folder.
  public var job: String?
  /// `teacher` or `student`; nil before the first step.
  public var phase: String?
  public var step = 0
  public var steps = 0
  public var loss: Double?
  /// Of the last steps.
  public var samplesPerSecond: Double?
  /// Seconds until the phase's last step, at the pace of the last ones; nil where no job lives or all steps are done.
  public var secondsLeft: Double?
  /// When the last step ended, ISO 8601.
  public var lastStep: String?
  public var lastCheckpoint: Save?
  /// Whether the newest start wrote its results, which come last.
  public var isFinished = false
  /// Ranks by host, of the newest start.
  public var ranks: [String: [Int]] = [:]

  /// `environment.json`, as far as it is looked at: what every version has written.
  private struct Start: Decodable {
    var ranks: [RankPlace]
  }

  /// Steps that pace and time left are taken from.
  private static let recent = 20

  /// - Throws: `UserError` for a folder that cannot be read, or holds no run.
  public init(_ folder: URL) throws {
    self.folder = folder.path
    let environment = folder.appendingPathComponent(RunEnvironment.fileName)
    guard let data = try? Data(contentsOf: environment) else {
      throw UserError(
        .inputOutput, "\(folder.path) holds no run: \(environment.lastPathComponent) is missing",
        remedy: "name the folder that the run was given as run.folder")
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    if let start = try? decoder.decode(Start.self, from: data) {
      for place in start.ranks { ranks[place.host, default: []].append(place.rank) }
    }
    (life, job) = Self.life(of: folder)
    isFinished = life == .stopped && Self.isFinished(folder, since: environment)
    read(LoggedStep.last(in: folder))
    lastCheckpoint = Self.newest(in: folder.appendingPathComponent("checkpoints"))
  }

  /// Whether a job holds a folder and lives, and whose it is.
  static func life(of folder: URL) -> (Life, job: String?) {
    switch FolderLock.look(at: folder) {
    case .free: (.stopped, nil)
    case .alive(let holder): (.running, holder)
    case .dead(let holder): (.killed, holder)
    case .silent(let holder): (.silent, holder)
    }
  }

  private static func isFinished(_ folder: URL, since start: URL) -> Bool {
    func time(_ url: URL) -> Date? {
      (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
    }
    guard let end = time(folder.appendingPathComponent(RunSummary.fileName)), let start = time(start) else {
      return false
    }
    return end >= start
  }

  private mutating func read(_ steps: [LoggedStep]) {
    guard let last = steps.last else { return }
    (phase, step, self.steps, loss, lastStep) = (last.phase, last.step, last.steps, last.losses["loss"], last.time)
    let recent = steps.filter { $0.phase == last.phase }.suffix(Self.recent)
    func mean(_ value: (LoggedStep) -> Double) -> Double { recent.reduce(0) { $0 + value($1) } / Double(recent.count) }
    samplesPerSecond = Self.finite(mean(\.samplesPerSecond))
    if life == .running, last.step < last.steps {
      secondsLeft = Self.finite(mean(\.seconds) * (Double(last.steps) - Double(last.step)))
    }
  }

  /// The newest checkpoint: under its name it is complete.
  private static func newest(in checkpoints: URL) -> Save? {
    guard let newest = Checkpoint.all(in: checkpoints).first else { return nil }
    let manifest = newest.folder.appendingPathComponent(Checkpoint.manifestName)
    let date = (try? FileManager.default.attributesOfItem(atPath: manifest.path))?[.modificationDate] as? Date
    return Save(step: newest.step, time: date.map { ISO8601DateFormatter().string(from: $0) } ?? "?")
  }

  public func json() throws -> String { String(decoding: try reportJSON(), as: UTF8.self) }

  /// "finished", "running, process 7 on host", ...
  public var state: String {
    life.text(job, isFinished: isFinished)
      + (life == .running && phase != nil && step == steps
        ? "; all steps of the \(phase ?? "") are done" : "")
  }

  public func text() -> String {
    var rows = [("run", folder), ("state", state)]
    if let phase {
      rows.append(("step", "\(phase) \(step) of \(steps)" + (lastStep.map { ", \($0)" } ?? "")))
      if let loss { rows.append(("loss", String(format: "%.4f", loss))) }
      if let samplesPerSecond { rows.append(("speed", String(format: "%.2f samples/s", samplesPerSecond))) }
      if let secondsLeft { rows.append(("left", Self.duration(secondsLeft))) }
    }
    rows.append(("checkpoint", lastCheckpoint.map { "step \($0.step), \($0.time)" } ?? "none"))
    for (host, ranks) in ranks.sorted(by: { ($0.value.first ?? 0) < ($1.value.first ?? 0) }) {
      rows.append(("ranks", "\(NumberRanges.text(ranks)) on \(host)"))
    }
    return Self.lines(rows)
  }

  /// Names and what they have, below each other.
  static func lines(_ rows: [(String, String)]) -> String {
    rows.map { $0.padding(toLength: 12, withPad: " ", startingAt: 0) + $1 + "\n" }.joined()
  }

  /// What a log that others may have written holds can be too large for a number.
  private static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }

  /// Hours, minutes and seconds; "unknown" for what is no time that anybody waits.
  static func duration(_ seconds: Double) -> String {
    guard seconds >= 0, seconds < 1e9 else { return "unknown" }
    let whole = Int(seconds.rounded())
    return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
  }
}

extension RunProgress.Life {
  /// "finished", "running, process 7 on host", ...
  func text(_ job: String?, isFinished: Bool) -> String {
    let who = job.map { ", \($0)" } ?? ""
    return switch self {
    case .running: "running" + who
    case .stopped: isFinished ? "finished" : "not running; the same command goes on"
    case .killed: "killed" + who + "; the same command goes on"
    case .silent: "no sign of life" + who
    }
  }
}
