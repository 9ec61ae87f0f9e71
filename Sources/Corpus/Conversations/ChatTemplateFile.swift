import Foundation
import Tensors

/// Finds out which family of chat templates a model folder has.
///
/// The template of a folder is a program in the language Jinja; it is not run. The tokens that it writes tell the family.
/// Read are the key `chat_template` of `processor_config.json` and of `chat_template.json`, `chat_template.jinja` (UTF-8), and
/// that key of `tokenizer_config.json`, in this order: the one in which `AutoProcessor` of transformers 5.23 takes them.
public enum ChatTemplateFile {
  static let plainName = "chat_template.jinja"
  /// Files that may hold a template, and the key it has in those that are JSON.
  private static let holders = ["processor_config.json", "chat_template.json", plainName, "tokenizer_config.json"]
  private static let key = "chat_template"

  /// The template a model is asked by, and whether it is only its family's.
  ///
  /// - Parameters:
  ///   - rule: templates named by the user.
  ///   - standard: the family's, for a folder that holds none where none is named; nil refuses such a folder.
  /// - Throws: `UserError` of kind badInput naming the file and what was found in it where no family is recognised, of
  ///   kind usage for an unknown name.
  public static func template(
    in folder: URL, _ rule: ChatTemplateRule = ChatTemplateRule(), standard: ChatTemplate? = nil
  ) throws -> (template: ChatTemplate, isStandard: Bool) {
    if !rule.named.isEmpty { return (try ChatTemplate.named(rule.named), false) }
    let otherwise = rule.otherwise.isEmpty ? nil : try ChatTemplate.named(rule.otherwise)
    guard let (file, text) = try text(in: folder) else {
      if let otherwise { return (otherwise, false) }
      if let standard { return (standard, true) }
      throw UserError(
        .badInput, "\(folder.path): the model's files hold no chat_template", remedy: ChatTemplate.remedy)
    }
    guard let template = recognised(text) ?? otherwise else {
      throw UserError(
        .badInput, "\(file): the chat template is of no family that is known; it writes \(tokens(in: text))",
        remedy: ChatTemplate.remedy)
    }
    return (template, false)
  }

  /// The template that a folder's own files tell; nil where they hold none, or one that is not known or not readable.
  public static func told(in folder: URL) -> ChatTemplate? {
    (try? text(in: folder)).flatMap { recognised($0.text) }
  }

  /// Which file's template is taken where two of a folder's files hold different ones; nil where they agree.
  ///
  /// White space at both ends makes no difference. Files behind the one that is taken are not refused for being damaged.
  /// - Throws: as `template(in:)` for the file that is taken, or one before it.
  public static func disagreement(in folder: URL) throws -> String? {
    guard let taken = try text(in: folder) else { return nil }
    func plain(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
    let others = holders.filter { name in
      (try? text(of: name, in: folder)).map { plain($0) != plain(taken.text) } ?? false
    }
    guard !others.isEmpty else { return nil }
    let name = URL(fileURLWithPath: taken.file).lastPathComponent
    return "the chat template is that of \(name), as transformers takes it; \(others.joined(separator: " and ")) "
      + "\(others.count == 1 ? "holds" : "hold") another"
  }

  /// Gives a folder a template in place of what its files say: `chat_template.jinja`, and in no other file.
  ///
  /// - Throws: `UserError` where a file is no JSON; file errors as they come.
  public static func write(_ jinja: String, in folder: URL) throws {
    for name in holders where name != plainName {
      let file = folder.appendingPathComponent(name)
      guard let data = try contents(of: file) else { continue }
      let fields = try JSONValue(parsing: data, file: file.path).object ?? []
      let kept = fields.filter { $0.key != key }
      guard kept.count < fields.count else { continue }
      if kept.isEmpty {
        try FileManager.default.removeItem(at: file)
      } else {
        try Data((JSONValue.object(kept).text() + "\n").utf8).write(to: file, options: .atomic)
      }
    }
    try Data(jinja.utf8).write(to: folder.appendingPathComponent(plainName), options: .atomic)
  }

  /// The family by the tokens that a template writes; nil where none fits.
  static func recognised(_ template: String) -> ChatTemplate? {
    func writes(_ text: String) -> Bool { template.contains(text) }
    if writes("<end_of_utterance>") {
      return .idefics3(opening: ["<|im_start|>", "<|begin_of_text|>"].first(where: writes) ?? "")
    }
    if writes("<|start_header_id|>") { return .llama3 }
    if writes("[INST]") { return .llama2 }
    if writes("<|im_start|>"), writes("<|im_end|>") { return .chatML }
    return writes("ASSISTANT:") && (writes("USER") || writes(".upper()")) ? .vicuna : nil
  }

  /// The tokens of a template in angle or square brackets, for an error.
  private static func tokens(in template: String) -> String {
    var seen: [String] = []
    for match in template.matches(of: /<\|?[\w\/ -]{1,40}\|?>|\[\/?[A-Z_]{2,20}\]/) where seen.count < 8 {
      let token = String(match.output)
      if !seen.contains(token) { seen.append(token) }
    }
    return seen.isEmpty ? "no special token" : seen.joined(separator: " ")
  }

  private static func text(in folder: URL) throws -> (file: String, text: String)? {
    for name in holders {
      if let text = try text(of: name, in: folder) { return (folder.appendingPathComponent(name).path, text) }
    }
    return nil
  }

  /// The template that one of the files holds; nil where it holds none, or is not there.
  private static func text(of name: String, in folder: URL) throws -> String? {
    if name == plainName { return try plainText(in: folder) }
    let file = folder.appendingPathComponent(name)
    guard let data = try contents(of: file),
      let template = try JSONValue(parsing: data, file: file.path)[key], !template.isNull
    else { return nil }
    if let text = template.string { return text }
    // Several templates by name; the one for conversations is called default.
    let named = template.array?.first { $0["name"]?.string == "default" } ?? template.array?.first
    guard let text = named?["template"]?.string else {
      throw UserError(
        .badInput, "\(file.path): \(key) is neither a text nor a list of named ones", remedy: ChatTemplate.remedy)
    }
    return text
  }

  /// The text of a folder's `chat_template.jinja`; nil where there is none.
  /// - Throws: `UserError` of kind badInput where it is not UTF-8.
  public static func plainText(in folder: URL) throws -> String? {
    let file = folder.appendingPathComponent(plainName)
    guard let data = try contents(of: file) else { return nil }
    guard let text = String(data: data, encoding: .utf8) else {
      throw UserError(
        .badInput, "\(file.path): the chat template is not text in UTF-8",
        remedy:
          "convert the file to UTF-8 (iconv -t UTF-8), copy it again from where the model came from, or remove it "
          + "and \(ChatTemplate.remedy)")
    }
    return text
  }

  /// Nil where there is no such file.
  private static func contents(of file: URL) throws -> Data? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    do { return try Data(contentsOf: file) } catch {
      throw UserError(
        .inputOutput, "\(file.path): cannot be read: \(error.localizedDescription)", remedy: "check its permissions")
    }
  }
}
