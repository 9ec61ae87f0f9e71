import Foundation

extension BytePairTokenizer {
  /// The byte-level tokenizers made for the built-in models; their vocabularies differ on purpose.
  public enum BuiltIn: String, CaseIterable, Sendable {
    /// 512 ids, digits one by one.
    case student
    /// 1024 ids, Llama 3's split rule.
    case teacher
  }

  /// A built-in tokenizer. - Throws: `UserError` of kind badInput; never for the text in the program.
  public init(_ builtIn: BuiltIn) throws {
    let (text, settings) =
      switch builtIn {
      case .student: (BuiltInTokenizerText.student, BuiltInTokenizerText.studentSettings)
      case .teacher: (BuiltInTokenizerText.teacher, BuiltInTokenizerText.teacherSettings)
      }
    try self.init(
      files: ["tokenizer.json": Data(text.utf8), "tokenizer_config.json": Data(settings.utf8)],
      name: "built-in \(builtIn.rawValue) tokenizer")
  }
}
