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

extension ModelBlueprint {
  /// "1024 tokens (tokenizer ab12cd34 of PATH)".
  fileprivate var vocabularyDescription: String {
    "\(configuration.text.vocabularySize) tokens (tokenizer \(tokenizer.fingerprint.prefix(8)) of "
      + "\(folder?.path ?? "the built-in model"))"
  }
}
