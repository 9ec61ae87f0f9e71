import Cardiology
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// Says in words what a file or folder holds: checkpoint, run, model or adapter folder, teacher store, folder of PTB-XL or
/// CODE-15%, folder of WFDB records, WFDB record, HDF5 file of exams, EDF file, safetensors file.
public struct Inspection {
  private let url: URL
  private let manager = FileManager.default

  /// - Throws: `UserError` for a path that leads nowhere.
  public init(_ url: URL) throws {
    self.url = url
    let header = url.appendingPathExtension("hea")
    guard manager.fileExists(atPath: url.path) || manager.fileExists(atPath: header.path) else {
      throw UserError(.inputOutput, "\(url.path) does not exist", remedy: "check the path")
    }
  }

  /// - Throws: `UserError` for something this program does not know, or that is damaged.
  public func text() throws -> String {
    if let checkpoint = Checkpoint(folder: url), has(Checkpoint.manifestName) { return try describe(checkpoint) }
    if TeacherStore.isStore(url) { return try describe(TeacherStore(url)) }
    if has(RunFile.configuration) || has(RunFile.checkpoints) { return try describeRun() }
    if has("ptbxl_database.csv") { return try describe(PTBXLDataset(path: url)) }
    if has("exams.csv") { return try describe(CODE15Dataset(path: url)) }
    if has("config.json") { return try describeModel() }
    if AdapterFolder.isPresent(in: url) { return try describeAdapter() }
    if url.pathExtension == "safetensors" { return try describe(SafetensorsFile(contentsOf: url)) }
    if ["hdf5", "h5"].contains(url.pathExtension) { return try describe(TracingFile(url)) }
    if url.pathExtension.lowercased() == "edf" { return try describe(EDFFile(url)) }
    if url.pathExtension == "hea" || manager.fileExists(atPath: url.appendingPathExtension("hea").path) {
      return Self.text(of: try WFDBReader.read(url))
    }
    var isFolder: ObjCBool = false
    if manager.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
      return try describe(WFDBFolderDataset(path: url))
    }
    throw UserError(
      .badInput, "\(url.path) is of no kind that can be inspected",
      remedy:
        "name a run, checkpoint, model or adapter folder, teacher store, folder of PTB-XL or CODE-15%, folder of WFDB "
        + "records, WFDB record, .hdf5, .edf or .safetensors file; pictures, CSV and files of conversations are not described"
    )
  }

  /// Compares a checkpoint, every checkpoint of a run, or a teacher store with its checksums.
  /// - Throws: `UserError` naming what is damaged.
  public func verification() throws -> String {
    if let checkpoint = Checkpoint(folder: url) {
      try checkpoint.verify()
      return "\(url.path): sound, step \(checkpoint.step)\n"
    }
    if TeacherStore.isStore(url) {
      let store = try TeacherStore(url)
      let bytes = try store.verify()
      return "\(url.path): sound, \(store.index.samples.count) samples, \(StoreEstimate.text(bytes))\n"
    }
    let checkpoints = Checkpoint.all(
      in: has(RunFile.checkpoints) ? url.appendingPathComponent(RunFile.checkpoints) : url)
    guard !checkpoints.isEmpty else {
      throw UserError(
        .badInput, "\(url.path) holds no checkpoint and no teacher store",
        remedy: "name a run, checkpoint or teacher store")
    }
    var damaged: [String] = []
    var lines: [String] = []
    for checkpoint in checkpoints {
      do {
        try checkpoint.verify()
        lines.append("\(checkpoint.folder.path): sound, step \(checkpoint.step)")
      } catch {
        if checkpoint.isPresent { damaged.append(UserError.message(of: error)) }
      }
    }
    // All were removed meanwhile, since newer ones were there.
    if damaged.isEmpty, lines.isEmpty { return try verification() }
    guard damaged.isEmpty else {
      throw UserError(.badInput, (damaged + lines).joined(separator: "\n"), remedy: "resume takes the newest sound one")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func has(_ name: String) -> Bool { manager.fileExists(atPath: url.appendingPathComponent(name).path) }

  private func describe(_ checkpoint: Checkpoint) throws -> String {
    try checkpoint.verify()
    let state = try checkpoint.state()
    var table = TextTable()
    table.heading("Checkpoint", url.lastPathComponent)
    table.row("step", "\(state.step)")
    table.row("seed", "\(state.seed)")
    table.row("global batch, shards", "\(state.globalBatch), \(state.shards)")
    table.row("precision, threads", "\(state.precision), \(state.threads)")
    table.row("ranks when saved", "\(state.ranks)")
    table.row("processor type", state.coreType)
    for (name, value) in state.metrics.sorted(by: { $0.key < $1.key }) {
      table.row(name, String(format: "%.5g", value))
    }
    return table.render() + "\nevery file agrees with its checksum\n\n"
      + (try AdapterFolder.isPresent(in: url) ? describeAdapter() : describeModel())
  }

  private func describe(_ store: TeacherStore) throws -> String {
    let (index, teacher) = (store.index, store.index.teacher)
    var table = TextTable()
    table.heading("Teacher store", url.lastPathComponent)
    table.row("teacher", "\(teacher.name) (\(teacher.digest.prefix(16)))")
    table.row("decoder", "\(teacher.layers) layers, width \(teacher.hiddenWidth), vocabulary \(teacher.vocabulary)")
    table.row(
      "samples", "\(index.samples.count), \(index.variants) variant\(index.variants == 1 ? "" : "s") of a record")
    table.row("states", (["last"] + index.layers.map(String.init)).joined(separator: ", ") + " in \(index.elementType)")
    table.row("attention, embeddings", index.attention ? "present" : "absent")
    table.row("output head", index.head == nil ? "absent" : "present")
    table.row("parts", "\(index.parts.count), of \(index.samplesPerPart) samples")
    table.row("size", StoreEstimate.text(index.parts.reduce(index.head?.bytes ?? 0) { $0 + $1.bytes }))
    return table.render() + "\n" + Self.madeFrom(index.fingerprint)
      + "\nsizes agree with the index; `evl-dist verify` compares the checksums\n"
  }

  /// A fingerprint's texts beside their names, in lines that fit a page.
  private static func madeFrom(_ fingerprint: [String: String]) -> String {
    let (indent, page) = (2, 120)
    let column = (fingerprint.keys.map(\.count).max() ?? 0) + 2 * indent
    let lines = fingerprint.sorted { $0.key < $1.key }.flatMap { name, value in
      SettingsText.wrapped(SettingsText.short(value), width: max(40, page - column)).enumerated().map { number, text in
        let label = String(repeating: " ", count: indent) + (number == 0 ? name : "")
        return label + String(repeating: " ", count: column - label.count) + text + "\n"
      }
    }
    return "made from\n" + lines.joined()
  }

  private func describeRun() throws -> String {
    let checkpoints = Checkpoint.all(in: url.appendingPathComponent(RunFile.checkpoints))
    var table = TextTable()
    table.heading("Run", url.lastPathComponent)
    for checkpoint in checkpoints {
      let verdict = (try? checkpoint.verify()) == nil ? "damaged" : "sound"
      table.row(checkpoint.folder.lastPathComponent, verdict)
    }
    if checkpoints.isEmpty { table.row("checkpoints", "none") }
    for name in [RunFile.configuration, RunFile.metrics, RunFile.results, RunFile.student] {
      table.row(name, has(name) ? "present" : "absent")
    }
    let results = url.appendingPathComponent(RunFile.results)
    guard let data = try? Data(contentsOf: results) else { return table.render() }
    guard let summary = try? JSONDecoder().decode(RunSummary.self, from: data) else {
      throw UserError(.badInput, "\(results.path) is not a summary of results", remedy: "run the training again")
    }
    return table.render() + "\n" + summary.table()
  }

  private func describeModel() throws -> String {
    let folder = try ModelFolder(url)
    let configuration = folder.configuration
    var table = TextTable()
    table.heading("Model", configuration.familyName)
    table.row("parameters", "\(configuration.parameterCount)")
    let vision = configuration.vision
    table.row("vision tower", "\(vision.layers) layers, width \(vision.hiddenSize), \(vision.heads) heads")
    table.row("image, patch", "\(vision.imageSize), \(vision.patchSize)")
    table.row("visual tokens", "\(configuration.tokensPerImage)")
    let text = configuration.text
    table.row(
      "decoder",
      "\(text.layers) layers, width \(text.hiddenSize), \(text.heads) heads, \(text.keyValueHeads) for keys and values")
    table.row("vocabulary", "\(text.vocabularySize)")
    return table.render()
  }

  private func describeAdapter() throws -> String {
    let adapter = try AdapterFolder(url)
    var table = TextTable()
    table.heading("Adapter", "of low rank")
    table.row("belongs to", adapter.base ?? "weights drawn from the run's seed")
    table.row("layers with an adapter", "\(adapter.layers.count)")
    table.row("ranks", Set(adapter.layers.map(\.rank)).sorted().map(String.init).joined(separator: ", "))
    table.row("tensors trained in full", "\(adapter.fullTensors.count)")
    table.row("numbers trained", "\(adapter.count)")
    return table.render()
  }

  private func describe(_ dataset: any ECGDataset) throws -> String {
    var table = TextTable()
    table.heading("Data set", dataset.name)
    table.row("records", "\(dataset.samples.count)")
    for fold in Set(dataset.samples.map(\.fold)).sorted() {
      table.row("fold \(fold)", "\(dataset.samples.count { $0.fold == fold })")
    }
    for label in dataset.questionSet.labels.map(\.name) {
      table.row(label, "\(dataset.samples.count { $0.labels.contains(label) })")
    }
    return table.render() + dataset.remarks.map { $0 + "\n" }.joined()
  }

  private func describe(_ dataset: CODE15Dataset) -> String {
    var table = TextTable()
    table.heading("Data set", dataset.name)
    table.row("exams with a tracing", "\(dataset.exams.count)")
    let known = dataset.exams.compactMap(\.labels)
    table.row("exams with diagnoses", "\(known.count)")
    for label in [CODE15Dataset.normal, CODE15Dataset.abnormal] + CODE15Dataset.diagnoses where !known.isEmpty {
      table.row(label, "\(known.count { $0.contains(label) })")
    }
    return table.render() + dataset.remarks.map { $0 + "\n" }.joined()
  }

  private func describe(_ file: TracingFile) -> String {
    let names = file.ids.prefix(3).map { "\(url.lastPathComponent)#\($0)" }.joined(separator: ", ")
    return
      "\(file.ids.count) exams of \(file.sampleCount) samples at \(Int(TracingFile.samplingRate)) Hz, zeros among them\n"
      + "one is named by its exam_id: \(names)\(file.ids.count > 3 ? ", ..." : "")\n"
  }

  private func describe(_ file: EDFFile) -> String {
    var table = TextTable()
    table.heading("EDF file \(url.lastPathComponent)", "samples a second", "unit", "smallest", "largest")
    for (number, signal) in file.signals.enumerated() {
      let samples = file.samples(of: number)
      table.row([
        signal.label, String(format: "%g", signal.samplingRate), signal.unit,
        String(format: "%g", samples.min() ?? 0), String(format: "%g", samples.max() ?? 0),
      ])
    }
    let types = Dictionary(grouping: file.annotations, by: \.text).sorted { $0.key < $1.key }
    let counted = types.map { "\($0.key) (\($0.value.count))" }.joined(separator: ", ")
    return table.render() + "\(file.duration) s"
      + (counted.isEmpty ? ", no annotations\n" : ", annotations: \(counted)\n")
  }

  /// A recording in words: the range of each lead, length, comments.
  public static func text(of record: ECGRecord) -> String {
    var table = TextTable()
    table.heading("Record \(record.name)", "smallest, mV", "largest, mV")
    for (lead, samples) in zip(record.leads, record.signal) {
      let known = samples.filter(\.isFinite)
      table.row(lead.rawValue, String(format: "%.3f", known.min() ?? 0), String(format: "%.3f", known.max() ?? 0))
    }
    return table.render() + "\(record.sampleCount) samples at \(record.samplingRate) Hz, \(record.duration) s\n"
      + record.comments.map { "# \($0)\n" }.joined()
  }

  private func describe(_ file: SafetensorsFile) throws -> String {
    var table = TextTable()
    table.heading("Tensor", "type", "shape")
    for name in file.names {
      let entry = try file.entry(name)
      table.row(name, entry.type, "\(entry.shape)")
    }
    return table.render() + file.metadata.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\n" }.joined()
  }
}
