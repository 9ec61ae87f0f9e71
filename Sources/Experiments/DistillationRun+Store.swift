import Corpus
import Foundation
import Tensors
import Training

/// Learning from a teacher store in the teacher's place.
extension DistillationRun {
  /// The store that the configuration names; nil where there is none, or no term needs a teacher.
  ///
  /// - Throws: `UserError` naming each difference between what the store was made from and this run, or what the
  ///   objective looks at and the store does not hold.
  func storedTeacher(corpus: any TrainingMaterial, student: ModelBlueprint) throws -> StoredTeacher? {
    guard configuration.objective.needsTeacher, !configuration.teacher.store.isEmpty else { return nil }
    guard let corpus = corpus.evaluated else {
      throw UserError(
        .usage, "teacher.store: a store holds questions about recordings, not data.kind \(configuration.data.kind)",
        remedy: "name the teacher's folder with teacher.path, which runs it in the step")
    }
    let store = try TeacherStore(URL(fileURLWithPath: configuration.teacher.store))
    var expected = try StoreFingerprint.run(
      configuration, dataset: corpus.dataset, variants: configuration.teacher.variants)
    if !configuration.teacher.path.isEmpty {
      expected.merge(StoreFingerprint.teacher(try Self.teacherBlueprint(configuration))) { $1 }
    }
    var differences = store.index.differences(fromExpected: expected)
    if store.index.variants != configuration.teacher.variants {
      differences.append(
        "teacher.variants: the store has \(store.index.variants), expected \(configuration.teacher.variants)")
    }
    let wanted = TeacherRequest.all(
      corpus.training, mix: configuration.data.questions.mix, variants: configuration.teacher.variants)
    let absent = wanted.lazy.map(\.stored).filter { !store.contains($0) }
    if let first = absent.first {
      differences.append(
        "samples: the store lacks \(absent.count) of the \(wanted.count) this run may draw, \(first.name) for one")
    }
    guard differences.isEmpty else {
      throw UserError(
        .usage,
        "the teacher store \(store.folder.path) was made for another run:\n  " + differences.joined(separator: "\n  "),
        remedy: "use the settings it was written with, or write another: `evl-dist teach` with this run's settings")
    }
    try configuration.objective.check(student: student, store: store.index)
    return try StoredTeacher(store)
  }
}

extension StoredTeacher {
  /// One line for the start of a run.
  var description: String {
    let index = store.index
    let seen =
      index.variants == 1
      ? "records are seen as they are, data.augmentation has no part in it"
      : "epochs take turns through the \(index.variants) stored variants of a record"
    return "teacher store \(store.folder.path): \(index.samples.count) samples of \(index.teacher.name), "
      + "\(index.elementType); \(seen)"
  }
}
