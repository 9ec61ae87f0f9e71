import Corpus
import Foundation
import Tensors
import Training

/// Learning from a teacher store in the teacher's place.
extension RunStart {
  /// The store that the configuration names; nil where there is none, or no term needs a teacher.
  ///
  /// - Parameter corpus: nil leaves out the comparison with the data.
  /// - Throws: `UserError` naming each difference between what the store was made from and this run, what the objective
  ///   looks at and the store does not hold, or a sample that shows images without visual tokens, or the reverse.
  /// - Complexity: reads the header of every part.
  static func storedTeacher(
    _ configuration: RunConfiguration, corpus: (any TrainingMaterial)?, student: ModelBlueprint
  ) throws -> StoredTeacher? {
    guard configuration.objective.needsTeacher, !configuration.teacher.store.isEmpty else { return nil }
    let store = try TeacherStore(URL(fileURLWithPath: configuration.teacher.store))
    if let corpus { try compare(store, configuration, corpus) }
    try configuration.objective.check(student: student, store: store.index)
    return try StoredTeacher(store)
  }

  private static func compare(
    _ store: TeacherStore, _ configuration: RunConfiguration, _ corpus: any TrainingMaterial
  ) throws {
    let samples = try corpus.storeSamples(configuration)
    var expected = samples.fingerprint
    // Without the teacher's folder its settings are not known, unless this program holds the teacher itself.
    if !configuration.teacher.path.isEmpty || store.index.teacher.name == StoreFingerprint.builtInTeacher {
      expected.merge(try samples.inputs(for: DistillationRun.teacherBlueprint(configuration)).fingerprint) { $1 }
    }
    var differences = store.index.differences(fromExpected: expected)
    if store.index.variants != configuration.teacher.variants {
      differences.append(
        "teacher.variants: the store has \(store.index.variants), expected \(configuration.teacher.variants)")
    }
    let layers = configuration.teacher.layers.filter { !store.index.layers.contains($0) }
    if !layers.isEmpty {
      differences.append("teacher.layers: the store has \(store.index.layers), expected \(layers) too")
    }
    if configuration.teacher.attention, !store.index.attention {
      differences.append("teacher.attention: the store has none")
    }
    let absent = samples.stored.filter { !store.contains($0) }
    if let first = absent.first {
      differences.append(
        "samples: the store lacks \(absent.count) of the \(samples.stored.count) this run may draw, \(first.name) for "
          + "one")
    }
    guard differences.isEmpty else {
      throw UserError(
        .usage,
        "the teacher store \(store.folder.path) was made for another run:\n  " + differences.joined(separator: "\n  "),
        remedy: "use the settings it was written with, or a store written for this run's: by `evl-dist teach`, or by "
          + "another program for what `evl-dist teach --requests` writes")
    }
    for (position, sample) in samples.stored.enumerated() {
      try store.demandVisualTokens(of: sample, images: samples.images(position))
    }
  }
}

extension StoredTeacher {
  /// One line for the start of a run.
  var description: String {
    let index = store.index
    let seen =
      index.variants == 1
      ? "samples are seen as they are, data.augmentation has no part in it"
      : "epochs take turns through the \(index.variants) stored variants of a record"
    return "teacher store \(store.folder.path): \(index.samples.count) samples of \(index.teacher.name), "
      + "\(index.elementType); \(seen)"
  }
}
