import Cardiology
import Corpus
import Evaluation
import Foundation
import Tensors
import Training

extension TaskSource {
  /// The most tokens of an answer where none are named: as training's own evaluation of superclasses, else as ECGBench's.
  var answerTokens: Int {
    task == .ptbXLSuper && data.isFolder ? RunConfiguration().evaluation.answerTokens : 1024
  }

  /// What gives a model what a question shows.
  func subjects(_ blueprint: ModelBlueprint) throws -> (TextQuestion) throws -> ReadableSubject {
    let look = try looks(blueprint)
    return { question in
      let images = try question.shown.map(look)
      return images.count == 1 && question.followUps.isEmpty
        ? .image(images[0]) : .images(try ReadableImages(images, prompt: blueprint.conversationSide().prompt))
    }
  }

  /// The questions of a task that show what is not there, with what that is.
  func missing(_ questions: [TextQuestion]) throws -> [(id: String, what: String)] {
    guard let file = try files() else { return [] }
    return questions.compactMap { question in
      question.shown.first { file($0) == nil }.map { (question.id, $0) }
    }
  }

  /// What finds a picture or recording by its name; nil where all that is asked about is known to be there.
  private func files() throws -> ((String) -> ShownFile?)? {
    switch task {
    case .code15 where data.isFolder: return nil
    case .ptbXLSuper where data.isFolder, .ptbXLReport where data.isFolder,
      .ecgQA where data.isFolder:
      let known = try PTBXLDataset.index(path: task == .ecgQA ? try ptbXL : data)
      return { name in known[name].flatMap { ShownFile($0.file) } }
    default:
      let root = imageRoot
      return { ConversationDataset.source(of: $0, root: root) }
    }
  }

  /// Where what is asked about lies, whether it is there or not; nil for a name of which that is not known.
  func places() throws -> (String) -> ShownFile? {
    switch task {
    case .ecgQA where data.isFolder && recordings == nil: return { _ in nil }
    case .code15 where data.isFolder:
      let exams = try CODE15Dataset(path: data, needsTracings: false).exams
      let files = Dictionary(exams.map { ($0.id, $0.file) }, uniquingKeysWith: { first, _ in first })
      return { name in
        files[name].flatMap { $0.isEmpty ? nil : .record(data.appendingPathComponent("\($0)#\(name)")) }
      }
    case .ptbXLSuper where data.isFolder, .ptbXLReport where data.isFolder, .ecgQA where data.isFolder:
      let known = try PTBXLDataset.index(path: task == .ecgQA ? try ptbXL : data)
      return { name in known[name].map { .record($0.file) } }
    default:
      let (root, isOfRecords) = (imageRoot, data.isFolder)
      return { name in
        let file = name.hasPrefix("/") ? URL(fileURLWithPath: name) : root.appendingPathComponent(name)
        return ShownFile(file) ?? (isOfRecords ? .record(file) : .picture(file))
      }
    }
  }

  private var imageRoot: URL { images ?? (data.isFolder ? data : data.deletingLastPathComponent()) }

  private var ptbXL: URL {
    get throws {
      guard let recordings else {
        throw UserError(
          .usage, "\(task.rawValue) asks about recordings of PTB-XL", remedy: "name its folder: --recordings PATH")
      }
      return recordings
    }
  }

  /// What gives a model a picture or recording by its name.
  private func looks(_ blueprint: ModelBlueprint) throws -> (String) throws -> ReadableImage {
    switch task {
    case .ptbXLSuper where data.isFolder: return try superclassPictures(blueprint)
    case .code15 where data.isFolder: return try examPictures(blueprint)
    case .ptbXLReport where data.isFolder, .ecgQA where data.isFolder:
      let recordings = task == .ecgQA ? try ptbXL : data
      let files = try PTBXLDataset.index(path: recordings)
      let side = try blueprint.side
      return { name in
        guard let file = files[name]?.file else {
          throw UserError(
            .badInput, "recording \(name) is not in \(recordings.path)",
            remedy: "give the whole of PTB-XL, or leave the question out")
        }
        return try ReadableImage(WFDBReader.read(file).conditioned(), for: side)
      }
    default:
      let root = imageRoot
      return { name in
        switch ConversationDataset.source(of: name, root: root) {
        case .picture(let file): return try blueprint.readable(ImageFile.read(file), name: name)
        case .record(let file): return try ReadableImage(WFDBReader.read(file).conditioned(), for: blueprint.side)
        case nil:
          throw UserError(
            .badInput, "\(root.appendingPathComponent(name).path) is not there",
            remedy: "name the folder that image paths begin at: --images PATH")
        }
      }
    }
  }

  /// The exams of CODE-15%.
  private func examPictures(_ blueprint: ModelBlueprint) throws -> (String) throws -> ReadableImage {
    let dataset = try CODE15Dataset(path: data)
    let exams = Dictionary(dataset.exams.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let side = try blueprint.side
    return { name in
      guard let exam = exams[name] else {
        throw UserError(.badInput, "exam \(name) is no longer in \(data.path)", remedy: "start again")
      }
      return try ReadableImage(dataset.record(exam).conditioned(), for: side)
    }
  }

  /// Recordings as training's own evaluation is given them, to whole microvolts, so that both come to the same scores.
  private func superclassPictures(_ blueprint: ModelBlueprint) throws -> (String) throws -> ReadableImage {
    let dataset = try PTBXLDataset(path: data)
    let samples = Dictionary(dataset.samples.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let (records, side) = (RecordCache(dataset), try blueprint.side)
    return { name in
      guard let sample = samples[name] else {
        throw UserError(.badInput, "recording \(name) is no longer in \(data.path)", remedy: "start again")
      }
      return try ReadableImage(records.record(sample), for: side)
    }
  }
}
