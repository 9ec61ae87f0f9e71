import Cardiology
import Corpus
import Evaluation
import Foundation
import Tensors
import Training

extension TaskSource {
  /// What gives a model the one picture or recording that a question shows.
  func pictures(_ blueprint: ModelBlueprint) throws -> (TextQuestion) throws -> ReadableImage {
    switch task {
    case .ptbXLSuper where data.hasDirectoryPath: return try superclassPictures(blueprint)
    case .ptbXLReport where data.hasDirectoryPath, .ecgQA:
      guard let recordings = task == .ecgQA ? recordings : data else {
        throw UserError(
          .usage, "\(task.rawValue) asks about recordings of PTB-XL", remedy: "name its folder: --recordings PATH")
      }
      let files = try PTBXLDataset.index(path: recordings)
      let side = try blueprint.side
      return { question in
        guard let file = files[question.shown[0]]?.file else {
          throw UserError(
            .badInput, "recording \(question.shown[0]) is not in \(recordings.path)",
            remedy: "give the whole of PTB-XL, or leave the question out")
        }
        return try ReadableImage(WFDBReader.read(file).conditioned(), for: side)
      }
    default:
      let root = images ?? (data.hasDirectoryPath ? data : data.deletingLastPathComponent())
      return { question in
        let name = question.shown[0]
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

  /// Recordings as training's own evaluation is given them, to whole microvolts, so that both come to the same scores.
  private func superclassPictures(_ blueprint: ModelBlueprint) throws -> (TextQuestion) throws -> ReadableImage {
    let dataset = try PTBXLDataset(path: data)
    let samples = Dictionary(dataset.samples.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let (records, side) = (RecordCache(dataset), try blueprint.side)
    return { question in
      guard let sample = samples[question.shown[0]] else {
        throw UserError(.badInput, "recording \(question.shown[0]) is no longer in \(data.path)", remedy: "start again")
      }
      return try ReadableImage(records.record(sample), for: side)
    }
  }
}
