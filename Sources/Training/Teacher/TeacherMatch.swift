import Corpus
import Distillation
import Tensors

extension ObjectiveConfiguration {
  /// Refuses a teacher that the chosen method cannot learn from.
  ///
  /// Vanilla KL compares token v with token v at the same position: it needs one tokenizer, equal vocabularies and as
  /// many visual tokens on both sides. The other methods take any pair.
  /// - Throws: `UserError` (usage) naming both models' numbers.
  public func check(student: ModelBlueprint, teacher: ModelBlueprint) throws {
    guard chosen == .kl, needsTeacher else { return }
    let remedy =
      "name two models of one family with student.path and teacher.path, or choose objective.method uld, which needs "
      + "no common vocabulary"
    guard student.tokenizer.fingerprint == teacher.tokenizer.fingerprint,
      student.configuration.text.vocabularySize == teacher.configuration.text.vocabularySize
    else {
      throw UserError(
        .usage,
        "objective.method kl needs one vocabulary, but there are two: the student's, \(student.vocabularyDescription), "
          + "and the teacher's, \(teacher.vocabularyDescription)", remedy: remedy)
    }
    let (own, other) = (student.configuration.tokensPerImage, teacher.configuration.tokensPerImage)
    guard own == other else {
      throw UserError(
        .usage,
        "objective.method kl needs answers at equal positions, but an image is \(own) tokens to the student and "
          + "\(other) to the teacher", remedy: remedy)
    }
  }
}

extension ObjectiveConfiguration {
  /// Refuses a teacher store that lacks what the chosen method looks at, or that it cannot learn from.
  /// - Throws: `UserError` (usage) naming what is missing and how to write it.
  public func check(student: ModelBlueprint, store: TeacherStoreIndex) throws {
    guard needsTeacher else { return }
    let needs = DistillationMethods<Float>.needs(self)
    var missing: [String] = []
    if needs.contains(.answers), store.head == nil { missing.append("the teacher's output head (head.safetensors)") }
    let layers = DistillationMethods<Float>.teacherLayers(
      self, student: student.configuration.text.layers, teacher: store.teacher.layers)
    let absent = layers.filter { !store.layers.contains($0) }
    if !absent.isEmpty { missing.append("the decoder layers " + absent.map(String.init).joined(separator: ", ")) }
    if needs.contains(.layers), !store.attention { missing.append("attention scores and embeddings") }
    guard missing.isEmpty else {
      let settings =
        needs.contains(.layers) ? " with --set \"teacher.layers=\(layers)\" --set teacher.attention=true" : ""
      throw UserError(
        .usage,
        "objective.method \(method) looks at what the teacher store does not hold: "
          + missing.joined(separator: "; "),
        remedy: "write it anew: `evl-dist teach`\(settings), or choose a method that needs less")
    }
    guard chosen == .kl else { return }
    guard student.tokenizer.fingerprint == store.teacher.tokenizer,
      student.configuration.text.vocabularySize == store.teacher.vocabulary
    else {
      throw UserError(
        .usage,
        "objective.method kl needs one vocabulary, but there are two: the student's, \(student.vocabularyDescription), "
          + "and that of the stored teacher \(store.teacher.name), \(store.teacher.vocabulary) tokens (tokenizer "
          + "\(store.teacher.tokenizer.prefix(8)))",
        remedy: "use a store of a teacher of the student's family, or choose objective.method uld")
    }
  }
}

extension ModelBlueprint {
  /// "1024 tokens (tokenizer ab12cd34 of PATH)".
  fileprivate var vocabularyDescription: String {
    "\(configuration.text.vocabularySize) tokens (tokenizer \(tokenizer.fingerprint.prefix(8)) of "
      + "\(folder?.path ?? "the built-in model"))"
  }
}
