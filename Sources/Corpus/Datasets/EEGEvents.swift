import Cardiology
import Foundation
import Tensors

/// Finds the files of an EEG.
enum EEGFiles {
  /// - Throws: `UserError` for a path that leads nowhere, and a folder without an EDF file or with several.
  static func recording(at path: URL) throws -> URL {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path.path, isDirectory: &isFolder) else {
      throw UserError(
        .inputOutput, "\(path.path): no such file or folder", remedy: "set data.path to an EDF file or its folder")
    }
    guard isFolder.boolValue else { return path }
    let found = files(in: path) { $0.hasSuffix(".edf") }
    guard found.count == 1 else {
      let names = found.map(\.lastPathComponent).joined(separator: ", ")
      throw UserError(
        .badInput,
        found.isEmpty ? "\(path.path): there is no EDF file (*.edf)" : "\(path.path) holds several EDF files: \(names)",
        remedy: "set data.path to the EDF file itself")
    }
    return found[0]
  }

  /// Those whose name in small letters is wanted, by name.
  static func files(in folder: URL, _ isWanted: (String) -> Bool) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { isWanted($0.lowercased()) }.sorted().map { folder.appendingPathComponent($0) }
  }
}

/// The events of an EEG, in the order of their file.
struct EEGEvents {
  struct Event: Equatable {
    var type: String
    /// Seconds from the first sample.
    var onset: Double
    /// Place as the table counts samples, from 1; nil where it does not.
    var latency: Double?
  }

  let list: [Event]
  /// What errors call their file.
  let file: String

  /// - Parameters:
  ///   - recording: beside which a table is looked for.
  ///   - table: its path; empty: the one *events.csv beside the recording, or else the annotations of the recording.
  /// - Throws: `UserError` for a table that is missing or damaged, several of them, and a recording without events.
  init(of recorded: EDFFile, beside recording: URL, table: String) throws {
    let folder = recording.deletingLastPathComponent()
    let found =
      table.isEmpty ? EEGFiles.files(in: folder) { $0.hasSuffix("events.csv") } : [URL(fileURLWithPath: table)]
    guard found.count <= 1 else {
      throw UserError(
        .badInput,
        "\(folder.path) holds several tables of events: "
          + found.map(\.lastPathComponent).joined(separator: ", "), remedy: "name one by data.eeg.events")
    }
    if let url = found.first {
      (list, file) = (try Self.events(in: CSVTable(contentsOf: url)), url.path)
    } else {
      (list, file) = (recorded.annotations.map { Event(type: $0.text, onset: $0.onset) }, recorded.name)
    }
    guard !list.isEmpty else {
      throw UserError(
        .badInput, "\(file): there are no events",
        remedy:
          "put a table with the columns type and onset_seconds beside the recording, as NAME_events.csv, or name it by "
          + "data.eeg.events")
    }
  }

  private static func events(in table: CSVTable) throws -> [Event] {
    let (type, onset) = (try table.column("type"), try table.column("onset_seconds"))
    let latency = table.header.firstIndex(of: "latency_samples_1based")
    return try table.rows.map { row in
      func number(_ column: Int) throws -> Double {
        guard let value = Double(row.fields[column]), value.isFinite else {
          throw table.failure(row, "\(table.header[column]) is \"\(row.fields[column])\", which is no number")
        }
        return value
      }
      return Event(type: row.fields[type], onset: try number(onset), latency: try latency.map(number))
    }
  }

  /// Refuses events that are not of a recording, or not of the types asked for.
  /// - Throws: `UserError` naming an event or the types there are.
  func check(_ epochs: EEGEpochs, duration: Double, rate: Double) throws {
    if let number = list.firstIndex(where: { $0.onset < 0 || $0.onset > duration }) {
      throw UserError(
        .badInput,
        "\(file): event \(number + 1) is at \(list[number].onset) s, and the recording is \(duration) s long",
        remedy: "name the table that belongs to the recording by data.eeg.events")
    }
    let differs = list.firstIndex { event in event.latency.map { abs($0 - 1 - event.onset * rate) > 1 } ?? false }
    if let number = differs {
      throw UserError(
        .badInput,
        "\(file): event \(number + 1) is at \(list[number].onset) s and at sample \(list[number].latency ?? 0), which do not "
          + "agree at \(rate) Hz",
        remedy: "name the table that belongs to the recording by data.eeg.events")
    }
    for (key, type) in [("stimulus", epochs.stimulus), ("response", epochs.response)]
    where !list.contains(where: { $0.type == type }) {
      let types = Set(list.map(\.type)).sorted().prefix(20).map { "\"\($0)\"" }.joined(separator: ", ")
      throw UserError(
        .badInput, "\(file): there is no event of type \"\(type)\"",
        remedy: "set data.eeg.\(key) to one of the types there are: \(types)")
    }
  }
}

extension EDFFile {
  /// The signal of an electrode: "Fz" finds "EEG Fz" and "EEG Fz-REF", in any case.
  /// - Throws: `UserError` naming those there are.
  func electrode(_ name: String) throws -> Int {
    let names = signals.map { signal in
      let label = signal.label.uppercased()
      return (label.hasPrefix("EEG ") ? label.dropFirst(4) : label[...]).prefix { $0 != "-" }
        .trimmingCharacters(in: .whitespaces)
    }
    let found = signals.indices.filter { signals[$0].label == name || names[$0] == name.uppercased() }
    guard found.count == 1 else {
      throw UserError(
        .badInput,
        found.isEmpty
          ? "\(self.name): there is no electrode \(name)"
          : "\(self.name): \(name) may be \(found.map { signals[$0].label }.joined(separator: " or "))",
        remedy: "choose among them in data.eeg.channels: \(signals.map(\.label).joined(separator: ", "))")
    }
    return found[0]
  }

  /// The samples of a signal in microvolts. - Throws: `UserError` for one in another unit than volts.
  func microvolts(of signal: Int) throws -> [Float] {
    let factors: [String: Float] = [
      "uV": 1, "\u{B5}V": 1, "\u{3BC}V": 1, "nV": 1e-3, "mV": 1e3, "V": 1e6,
    ]
    guard let factor = factors[signals[signal].unit] else {
      throw UserError(
        .badInput, "\(name): \(signals[signal].label) is in \"\(signals[signal].unit)\", not in volts",
        remedy: "choose electrodes in uV, mV, nV or V in data.eeg.channels")
    }
    let samples = samples(of: signal)
    return factor == 1 ? samples : samples.map { $0 * factor }
  }
}
