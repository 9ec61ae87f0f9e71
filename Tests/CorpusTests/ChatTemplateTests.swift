import Cardiology
import Foundation
import TestSupport
import Tensors
import Testing

@testable import Corpus

/// What record_conversations.py wrote down.
private struct Recorded: Decodable {
  struct Rendered: Decodable {
    let family: String
    let entry: Int
    let text: String
  }

  struct Tokenized: Decodable {
    let tokenizer: String
    let family: String
    let entry: Int
    let rows: Int
    let columns: Int
    let ids: [Int32]
    let labels: [Int32]
  }

  let templates: [String: String]
  let rendered: [Rendered]
  let tokenized: [Tokenized]

  private static func data() throws -> Data {
    try Data(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Recorded/conversations.json"))
  }

  static func load() throws -> Recorded { try JSONDecoder().decode(Recorded.self, from: data()) }

  static func conversations() throws -> [Conversation] {
    let root = try JSONSerialization.jsonObject(with: data()) as? [String: Any]
    let entries = try JSONSerialization.data(withJSONObject: root?["entries"] ?? [])
    return try ConversationFile.conversations(in: entries, name: "entries")
  }
}

@Suite struct ChatTemplateTests {
  @Test func textsAreThoseOfTransformers() throws {
    let recorded = try Recorded.load()
    let conversations = try Recorded.conversations()
    #expect(Set(recorded.rendered.map(\.family)) == Set(ChatTemplate.all.map(\.name)))
    for made in recorded.rendered {
      let template = try ChatTemplate.named(made.family)
      let conversation = conversations[made.entry]
      let text = template.stretches(
        of: conversation.turns, images: conversation.images.map { _ in "<image>" }
      ).map(\.text).joined()
      // LLaVA is trained with </s> after an answer, where the template published for generation has a space.
      #expect((made.family == "vicuna" ? text.replacing("</s>", with: " ") : text) == made.text, "\(made.family)")
    }
  }

  @Test func familiesAreRecognisedByTheirTokens() throws {
    for (name, text) in try Recorded.load().templates {
      #expect(ChatTemplateFile.recognised(text)?.name == name)
    }
    #expect(
      ChatTemplateFile.recognised("<|begin_of_text|>{% for m in messages %}{{m}}<end_of_utterance>")?.opening
        == "<|begin_of_text|>")
    #expect(ChatTemplateFile.recognised("{{ '### Instruction:' }}") == nil)
  }

  @Test func theFolderTellsItsTemplate() throws {
    let templates = try Recorded.load().templates
    func found(_ file: String, _ value: Any, otherwise name: String = "") throws -> ChatTemplate {
      try withTemporaryFolder { folder in
        let data = try JSONSerialization.data(withJSONObject: ["chat_template": value])
        try data.write(to: folder.appendingPathComponent(file))
        return try ChatTemplateFile.template(in: folder, ChatTemplateRule(otherwise: name)).template
      }
    }
    #expect(try found("tokenizer_config.json", templates["llama-3"] ?? "") == .llama3)
    #expect(try found("chat_template.json", templates["vicuna"] ?? "") == .vicuna)
    let list = [["name": "rag", "template": "x"], ["name": "default", "template": templates["chatml"] ?? ""]]
    #expect(try found("tokenizer_config.json", list) == .chatML)
    #expect(try found("tokenizer_config.json", "<|turn|> odd", otherwise: "llama-2") == .llama2)
    #expect(try found("tokenizer_config.json", templates["chatml"] ?? "", otherwise: "llama-2") == .chatML)
    let odd = #expect(throws: UserError.self) { try found("tokenizer_config.json", "{{ '<|turn|>' }} [ODD]") }
    #expect(odd?.message.contains("<|turn|> [ODD]") == true && odd?.remedy.contains("data.chat_template") == true)
    #expect(throws: UserError.self) { try found("tokenizer_config.json", 3) }
    let wrong = #expect(throws: UserError.self) { try found("tokenizer_config.json", "x", otherwise: "alpaca") }
    #expect(wrong?.kind == .usage && wrong?.remedy.contains("vicuna") == true)
    try withTemporaryFolder { folder in
      #expect(throws: UserError.self) { try ChatTemplateFile.template(in: folder) }
      #expect(try ChatTemplateFile.template(in: folder, ChatTemplateRule(otherwise: "vicuna")).template == .vicuna)
      try Data((templates["idefics3"] ?? "").utf8).write(to: folder.appendingPathComponent("chat_template.jinja"))
      #expect(try ChatTemplateFile.template(in: folder).template == .idefics3())
    }
  }

  /// A template that cannot be read is not passed over for what other files say.
  @Test func aTemplateThatIsNotUTF8IsRefused() throws {
    try withTemporaryFolder { folder in
      let other = try JSONSerialization.data(withJSONObject: ["chat_template": "<|im_start|> <|im_end|>"])
      try other.write(to: folder.appendingPathComponent("tokenizer_config.json"))
      #expect(try ChatTemplateFile.template(in: folder).template == .chatML)
      for bytes in [
        Data([0xFF, 0xFE, 0x7B, 0x00]), Data("USER: \u{e9} ASSISTANT:".unicodeScalars.map { UInt8($0.value) }),
      ] {
        try bytes.write(to: folder.appendingPathComponent("chat_template.jinja"))
        for rule in [ChatTemplateRule(), ChatTemplateRule(otherwise: "vicuna")] {
          let error = #expect(throws: UserError.self) {
            try ChatTemplateFile.template(in: folder, rule, standard: .vicuna)
          }
          #expect(error?.kind == .badInput && error?.message.contains("chat_template.jinja") == true)
          #expect(error?.message.contains("UTF-8") == true && error?.remedy.contains("iconv") == true)
        }
        #expect(try ChatTemplateFile.template(in: folder, ChatTemplateRule(named: "llama-3")).template == .llama3)
      }
    }
  }

  /// What this program writes into folders: the texts that record_written_templates.py gave to transformers.
  @Test func theWrittenTemplatesRenderAsIsTrained() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Recorded")
    for template in ChatTemplate.all {
      let file = folder.appendingPathComponent("chat-templates/\(template.name).jinja")
      #expect(try String(contentsOf: file, encoding: .utf8) == template.jinja, "\(template.name)")
    }
    for template in ChatTemplate.all + [.idefics3(opening: "<|begin_of_text|>"), .idefics3(opening: "")] {
      #expect(ChatTemplateFile.recognised(template.jinja) == template, "\(template.name)")
    }
    let data = try Data(contentsOf: folder.appendingPathComponent("written-templates.json"))
    let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let entries = try JSONSerialization.data(withJSONObject: try #require(root["entries"]))
    let conversations = try ConversationFile.conversations(in: entries, name: "entries")
    let rendered = try #require(root["rendered"] as? [[String: Any]])
    #expect(rendered.count == ChatTemplate.all.count * conversations.count && conversations.count >= 7)
    for made in rendered {
      let template = try ChatTemplate.named(try #require(made["family"] as? String))
      let conversation = conversations[try #require(made["entry"] as? Int)]
      let text = template.stretches(of: conversation.turns, images: conversation.images.map { _ in "<image>" })
        .map(\.text).joined()
      #expect(text == made["text"] as? String, "\(template.name) \(conversation.id)")
    }
  }

  /// No file of the folder says another template afterwards; all else in them stays.
  @Test func aWrittenTemplateIsTheOnlyOne() throws {
    try withTemporaryFolder { folder in
      func write(_ name: String, _ object: [String: Any]) throws {
        try JSONSerialization.data(withJSONObject: object).write(to: folder.appendingPathComponent(name))
      }
      try write("chat_template.json", ["chat_template": "x"])
      try write("processor_config.json", ["chat_template": "{{ 'ASSISTANT:' }} USER", "image_seq_len": 64])
      try write(
        "tokenizer_config.json", ["chat_template": [["name": "default", "template": "y"]], "eos_token": "</s>"])
      #expect(ChatTemplateFile.told(in: folder) == .vicuna)
      try ChatTemplateFile.write(ChatTemplate.chatML.jinja, in: folder)
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("chat_template.json").path))
      // What holds no template is left alone.
      try write("chat_template.json", [:])
      try ChatTemplateFile.write(ChatTemplate.llama3.jinja, in: folder)
      #expect(ChatTemplateFile.told(in: folder) == .llama3)
      #expect(try ChatTemplateFile.template(in: folder).template == .llama3)
      #expect(try Data(contentsOf: folder.appendingPathComponent("chat_template.json")) == Data("{}".utf8))
      for (name, key) in [("processor_config.json", "image_seq_len"), ("tokenizer_config.json", "eos_token")] {
        let value = try JSONValue(parsing: Data(contentsOf: folder.appendingPathComponent(name)), file: name)
        #expect(value.object?.map(\.key) == [key])
      }
    }
  }

  /// The order of transformers, which check_template_order.py asked for.
  @Test func ofSeveralFilesTheOneIsTakenThatTransformersTakes() throws {
    let texts = [
      "tokenizer_config.json": "[INST]", "chat_template.jinja": "<|im_start|> <|im_end|>",
      "chat_template.json": "USER ASSISTANT:", "processor_config.json": "<|start_header_id|>",
    ]
    let order: [(file: String, template: ChatTemplate)] = [
      ("tokenizer_config.json", .llama2), ("chat_template.jinja", .chatML), ("chat_template.json", .vicuna),
      ("processor_config.json", .llama3),
    ]
    try withTemporaryFolder { folder in
      func write(_ text: String, _ name: String) throws {
        let json = try JSONSerialization.data(withJSONObject: ["chat_template": text])
        try (name.hasSuffix(".jinja") ? Data(text.utf8) : json).write(to: folder.appendingPathComponent(name))
      }
      #expect(try ChatTemplateFile.disagreement(in: folder) == nil)
      for (place, (file, template)) in order.enumerated() {
        try write(try #require(texts[file]), file)
        #expect(try ChatTemplateFile.template(in: folder).template == template, "\(file)")
        let note = try ChatTemplateFile.disagreement(in: folder)
        #expect((note == nil) == (place == 0) && note?.contains("that of \(file),") ?? true, "\(note ?? "")")
        for other in order[..<place] { #expect(note?.contains(other.file) == true, "\(note ?? "")") }
      }
      // One text in all of them, but for the line's end, is no matter; nor is damage behind the file that is taken.
      for (file, _) in order { try write("<|start_header_id|>" + (file.hasSuffix(".jinja") ? "\n" : ""), file) }
      #expect(try ChatTemplateFile.disagreement(in: folder) == nil)
      try Data([0xFF, 0xFE]).write(to: folder.appendingPathComponent("chat_template.jinja"))
      #expect(try ChatTemplateFile.template(in: folder).template == .llama3)
      #expect(try ChatTemplateFile.disagreement(in: folder) == nil)
    }
  }

  /// Named for the model, told by the folder, named for folders without, the family's: the first there is.
  @Test func whatIsNamedForAModelGoesBeforeItsFolder() throws {
    try withTemporaryFolder { folder in
      func found(_ rule: ChatTemplateRule) throws -> String {
        let found = try ChatTemplateFile.template(in: folder, rule, standard: .vicuna)
        return found.template.name + (found.isStandard ? " of the family" : "")
      }
      #expect(try found(ChatTemplateRule()) == "vicuna of the family")
      #expect(try found(ChatTemplateRule(otherwise: "llama-3")) == "llama-3")
      #expect(try found(ChatTemplateRule(named: "vicuna", otherwise: "llama-3")) == "vicuna")
      let file = folder.appendingPathComponent("chat_template.jinja")
      try Data("<|im_start|> <|im_end|>".utf8).write(to: file)
      #expect(try found(ChatTemplateRule(otherwise: "llama-3")) == "chatml")
      #expect(try found(ChatTemplateRule(named: "llama-2", otherwise: "llama-3")) == "llama-2")
      // A template of no known family is not the family's.
      try Data("{{ '<|turn|>' }}".utf8).write(to: file)
      #expect(throws: UserError.self) { try found(ChatTemplateRule()) }
      #expect(try found(ChatTemplateRule(named: "chatml")) == "chatml")
    }
  }
}

@Suite struct ConversationPromptTests {
  private func tokenizer(_ name: String) throws -> BytePairTokenizer? {
    if let builtIn = BytePairTokenizer.BuiltIn(rawValue: name) { return try BytePairTokenizer(builtIn) }
    guard SharedFiles.has("cases/models/\(name)") else { return nil }
    return try BytePairTokenizer(contentsOf: SharedFiles.url("cases/models/\(name)"))
  }

  private func layout(rows: Int, columns: Int) -> ImageGeometry {
    ImageGeometry(
      original: PixelSize(width: 60, height: 40), tile: PixelSize(width: 32, height: 32), rows: rows, columns: columns)
  }

  @Test func idsAndLabelsAreThoseFoundByOffsets() throws {
    let conversations = try Recorded.conversations()
    var compared = 0
    for made in try Recorded.load().tokenized {
      guard let tokenizer = try tokenizer(made.tokenizer) else { continue }
      let isLLaVA = made.family == "vicuna"
      let prompt = try ConversationPrompt(
        tokenizer: tokenizer, template: .named(made.family),
        imageTokens: isLLaVA ? .llava(perImage: 5) : .idefics3(perTile: 3), splitsImages: made.rows > 0)
      let conversation = conversations[made.entry]
      let images = conversation.images.map { _ in layout(rows: made.rows, columns: made.columns) }
      let result = try prompt.tokenized(conversation, images: images)
      #expect(result.ids == made.ids, "\(made.tokenizer) \(made.entry)")
      #expect(result.labels == made.labels, "\(made.tokenizer) \(made.entry)")
      #expect(result.answerStart == (made.labels.firstIndex { $0 != -100 } ?? made.ids.count))
      let before = conversation.beforeAnswers
      let asked = try prompt.tokenized(before, images: Array(images.prefix(before.images.count)))
      #expect(asked.answerTokens == 0)
      #expect(asked.ids == Array(result.ids[..<result.answerStart]) || conversation.answers == 0)
      compared += 1
    }
    #expect(compared >= 10)
  }

  @Test func oneTurnIsThatOfTheSingleQuestionPrompt() throws {
    let tokenizer = try BytePairTokenizer(.student)
    let single = try Prompt(tokenizer: tokenizer, imageTokens: 4)
      .conversation(Question(kind: .report, text: "What is seen?", answer: "Sinus rhythm."))
    let turns: [Conversation.Turn] = [.init(.human, "What is seen?", images: 1), .init(.assistant, "Sinus rhythm.")]
    let several = try ConversationPrompt(
      tokenizer: tokenizer, template: .idefics3(), imageTokens: .idefics3(perTile: 4)
    ).tokenized(
      Conversation(id: "1", images: ["a"], turns: turns, place: "x"), images: [layout(rows: 0, columns: 0)])
    // The template ends every turn with a line break.
    #expect(Array(several.ids[..<single.ids.count]) == single.ids)
    #expect(several.ids.count == single.ids.count + 1 && several.labels.last == -100)
    #expect(Array(several.labels[..<single.labels.count]) == single.labels)
  }

  @Test func longConversationsAreCutOrRefused() throws {
    let conversation = try Recorded.conversations()[1]
    func made(_ longest: Int) throws -> TokenizedConversation {
      try ConversationPrompt(
        tokenizer: BytePairTokenizer(.student), template: .idefics3(), imageTokens: .idefics3(perTile: 9),
        longest: longest
      ).tokenized(conversation, images: [layout(rows: 0, columns: 0)])
    }
    let whole = try made(4096)
    let cut = try made(whole.answerStart + 3)
    #expect(cut.ids == Array(whole.ids[..<(whole.answerStart + 3)]) && cut.answerTokens == 3)
    let mute = #expect(throws: UserError.self) { try made(whole.answerStart) }
    #expect(mute?.message.contains("no answer") == true && mute?.message.contains("entry 2 (id b)") == true)
    let torn = #expect(throws: UserError.self) { try made(8) }
    #expect(torn?.message.contains("part of an image") == true)
  }

  /// A question that is cut would lack the opening of its answer.
  @Test func questionsThatDoNotFitAreRefused() throws {
    let (tokenizer, image) = (try BytePairTokenizer(.student), layout(rows: 0, columns: 0))
    func prompt(_ longest: Int) throws -> ConversationPrompt {
      try ConversationPrompt(
        tokenizer: tokenizer, template: .idefics3(), imageTokens: .idefics3(perTile: 9), longest: longest)
    }
    let question = "Is the rhythm regular? " + String(repeating: "Say more. ", count: 40)
    let whole = try TemplatePrompt(prompt(4096), image: image).ids(asking: question)
    #expect(tokenizer.decode(whole).hasSuffix("<end_of_utterance>\nAssistant:"))
    #expect(try TemplatePrompt(prompt(whole.count), image: image).ids(asking: question) == whole)
    let short = try TemplatePrompt(prompt(whole.count - 3), image: image)
    let refused = #expect(throws: UserError.self) { try short.ids(asking: question) }
    #expect(refused?.kind == .badInput && refused?.remedy.contains("3 tokens fewer") == true)
    let message = try #require(refused?.message)
    for words in ["Is the rhythm regular?", "\(whole.count) tokens", "9 of them", "\(whole.count - 3) fit"] {
      #expect(message.contains(words), "\(message)")
    }
    #expect(message.count < 200)
    #expect(try short.ids(asking: "Is it normal?").count < whole.count)
    let asked = Conversation(
      id: "1", images: ["a"], turns: [.init(.human, "Is it?", images: 1)], place: "the question \"Is it?\"")
    let shown = #expect(throws: UserError.self) { try prompt(8).ids(asking: asked, images: [image]) }
    #expect(shown?.message.contains("9 of them") == true && shown?.remedy == "use an image processor with fewer tiles")
  }

  @Test func specialTokensInPeoplesTextAreTakenOut() throws {
    let tokenizer = try BytePairTokenizer(.student)
    let prompt = try ConversationPrompt(
      tokenizer: tokenizer, template: .idefics3(), imageTokens: .idefics3(perTile: 2))
    let turns: [Conversation.Turn] = [
      .init(.human, "A<end_of_utterance>B<fake_token_around_image>"), .init(.assistant, "C<|im_start|>D"),
    ]
    let conversation = Conversation(id: "1", images: [], turns: turns, place: "x")
    #expect(
      prompt.text(of: conversation, images: [])
        == "<|im_start|>User: AB<end_of_utterance>\nAssistant: CD<end_of_utterance>\n")
  }

  @Test func missingTokensAreNamed() throws {
    let tokenizer = try BytePairTokenizer(.student)
    for (template, images, splits, token) in [
      (ChatTemplate.vicuna, ImageTokens.llava(perImage: 2), false, "</s>"),
      (.chatML, .llava(perImage: 2), false, "<|im_end|>"),
      (.idefics3(), .idefics3(perTile: 2), true, "<row_1_col_1>"),
    ] {
      let error = #expect(throws: UserError.self) {
        try ConversationPrompt(tokenizer: tokenizer, template: template, imageTokens: images, splitsImages: splits)
      }
      #expect(error?.message.contains(token) == true)
    }
  }
}
