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

  /// A line of `metrics.jsonl`, as far as it is looked at.
  private struct Line: Decodable {
    var phase: String
    var step: Int
    var steps: Int
    var losses: [String: Double]
    var seconds: Double
    var samples_per_second: Double
    var time: String
  }

  /// Steps that pace and time left are taken from.
  private static let recent = 20
  /// Bytes of the log's end that hold them.
  private static let tail = 1 << 18

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
    switch FolderLock.look(at: folder) {
    case .free: life = .stopped
    case .alive(let holder): (life, job) = (.running, holder)
    case .dead(let holder): (life, job) = (.killed, holder)
    case .silent(let holder): (life, job) = (.silent, holder)
    }
    isFinished = life == .stopped && Self.isFinished(folder, since: environment)
    read(Self.lines(folder.appendingPathComponent("metrics.jsonl")))
    lastCheckpoint = Self.newest(in: folder.appendingPathComponent("checkpoints"))
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

  private mutating func read(_ lines: [Line]) {
    guard let last = lines.last else { return }
    (phase, step, steps, loss, lastStep) = (last.phase, last.step, last.steps, last.losses["loss"], last.time)
    let recent = lines.filter { $0.phase == last.phase }.suffix(Self.recent)
    let seconds = recent.reduce(0) { $0 + $1.seconds } / Double(recent.count)
    samplesPerSecond = recent.reduce(0) { $0 + $1.samples_per_second } / Double(recent.count)
    if life == .running, last.step < last.steps { secondsLeft = seconds * Double(last.steps - last.step) }
  }

  /// The log's last lines; one that is being written is left out.
  private static func lines(_ url: URL) -> [Line] {
    guard let file = try? FileHandle(forReadingFrom: url), let end = try? file.seekToEnd() else { return [] }
    let start = end > UInt64(tail) ? end - UInt64(tail) : 0
    guard (try? file.seek(toOffset: start)) != nil, let data = try? file.readToEnd() else { return [] }
    return data.split(separator: 0x0A).compactMap { try? JSONDecoder().decode(Line.self, from: $0) }
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
    let who = job.map { ", \($0)" } ?? ""
    return switch life {
    case .running:
      "running" + who + (phase != nil && step == steps ? "; all steps of the \(phase ?? "") are done" : "")
    case .stopped: isFinished ? "finished" : "not running; the same command goes on"
    case .killed: "killed" + who + "; the same command goes on"
    case .silent: "no sign of life" + who
    }
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
    return rows.map { $0.padding(toLength: 12, withPad: " ", startingAt: 0) + $1 + "\n" }.joined()
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
  }
}
