import Cluster
import Corpus
import Foundation
import Models
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

/// Training of a student folder from a teacher folder of another family, on conversations and on recordings.
@Suite(.serialized, .enabled(if: RealModels.areThere)) struct ConversationRunTests {
  private func weights(_ models: RealModels, _ name: String) throws -> String {
    try Digest.sha256(fileAt: models.folder.appendingPathComponent("\(name)/student/model.safetensors"))
  }

  private func withModels(_ body: (RealModels) throws -> Void) throws {
    try withTemporaryFolder { try body(RealModels(in: $0)) }
  }

  @Test func conversationsGiveTheSameStudentOnAnyNumberOfRanks() throws {
    try withModels { models in
      let one = try models.train("1")
      #expect(one.losses.count == 2)
      for losses in one.losses {
        for part in ["ce", "mhca", "rel", "ot"] { #expect((losses[part] ?? .nan) > 0, "\(part)") }
      }
      #expect(one.notes.contains { $0.contains("8 conversations") })
      #expect(one.notes.contains { $0.contains("no model is evaluated") })
      for ranks in [2, 3] {
        #expect(try models.train("\(ranks)", ranks: ranks).losses == one.losses)
        #expect(try weights(models, "\(ranks)") == weights(models, "1"))
      }
    }
  }

  @Test func aRunGoesOnFromItsCheckpointAtAnotherNumberOfRanks() throws {
    try withModels { models in
      try models.train("straight")
      try models.train("stopped", ["train.steps=1"])
      let rest = try models.train("stopped", ranks: 3)
      #expect(rest.losses.count == 1)
      #expect(try weights(models, "stopped") == weights(models, "straight"))
      // Other images, another template or other conversations are another run.
      try models.change(models.student, "preprocessor_config.json", ["do_image_splitting": false])
      let error = #expect(throws: (any Error).self) { try models.train("stopped", ["train.steps=3"]) }
      #expect(UserError.from(try #require(error)).message.contains("the view"))
    }
  }

  /// A page of ECG paper that is not made smaller fills the prompt with its tiles; small pictures do not.
  @Test func theQuestionsAboutRecordingsAreNotAskedOfConversations() throws {
    try withModels { models in
      try models.change(models.student, "preprocessor_config.json", ["do_resize": false, "do_image_splitting": true])
      let blueprint = try ModelBlueprint(folder: models.student)
      #expect { _ = try blueprint.side } throws: { "\($0)".contains("Is this a normal ECG?") }
      #expect(try models.train("small", ["train.steps=1"]).losses.count == 1)
    }
  }

  @Test func imagesAreGivenWholeOrInTiles() throws {
    try withModels { models in
      let resolved = try models.settings("tiles").configuration
      func firstSample() throws -> PreparedInput {
        let student = try DistillationRun.studentBlueprint(resolved)
        let corpus = try ConversationCorpus(resolved)
        let images = try corpus.dataset.images(of: corpus.dataset.conversations[0])
        return try student.conversationSide().input(corpus.dataset.conversations[0], images)
      }
      #expect(try firstSample().tiles == 3)
      let cut = try models.train("cut")
      try models.change(models.student, "preprocessor_config.json", ["do_image_splitting": false])
      #expect(try firstSample().tiles == 1)
      #expect(try models.train("whole").losses != cut.losses)
    }
  }

  @Test func aTeacherMayCutImagesItself() throws {
    try withModels { models in
      try models.makeTeacherCutImages()
      let one = try models.train("one")
      #expect(one.losses.allSatisfy { ($0["ot"] ?? .nan) > 0 })
      #expect(try models.train("two", ranks: 2).losses == one.losses)
    }
  }

  @Test func theStudentIsAFolderLikeTheOneItCameFrom() throws {
    try withModels { models in
      try models.train("run")
      let student = models.folder.appendingPathComponent("run/student")
      for name in [
        "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "preprocessor_config.json",
        "generation_config.json", "config.json",
      ] {
        #expect(
          try Data(contentsOf: student.appendingPathComponent(name))
            == Data(contentsOf: models.student.appendingPathComponent(name)), "\(name)")
      }
      let before = try SafetensorsFile(contentsOf: models.student.appendingPathComponent("model.safetensors"))
      let after = try SafetensorsFile(contentsOf: student.appendingPathComponent("model.safetensors"))
      #expect(Set(before.names) == Set(after.names))
      let blueprint = try ModelBlueprint(folder: student)
      #expect(
        try blueprint.conversationSide().settings == ModelBlueprint(folder: models.student).conversationSide().settings)
      // The next run begins with it, and `export` copies all of it.
      let target = models.folder.appendingPathComponent("copy")
      try ModelExport(from: models.folder.appendingPathComponent("run")).write(to: target)
      #expect(
        FileManager.default.contentsEqual(
          atPath: target.appendingPathComponent("chat_template.jinja").path,
          andPath: models.student.appendingPathComponent("chat_template.jinja").path))
      #expect(try models.train("next", ["student.path=\(target.path)", "train.steps=1"]).losses.count == 1)
    }
  }

  /// Recordings drawn on paper, through each model's own processor and in the words of its own template.
  @Test func recordingsAreShownToModelFoldersAsPages() throws {
    try withModels { models in
      let settings = [
        "data.kind=synthetic", "data.view=image", "data.records=50", "train.steps=1", "train.global_batch=4",
        "evaluation.replicates=100", "evaluation.answer_tokens=2",
      ]
      let outcome = try models.train("pages", settings)
      #expect(outcome.losses.count == 1 && (outcome.losses[0]["ot"] ?? .nan) > 0)
      for name in ["teacher", "student before", "student after"] {
        #expect(outcome.notes.contains("evaluating: \(name)"), "\(name)")
      }
      let side = try ModelBlueprint(folder: models.folder.appendingPathComponent("pages/student")).side
      let prompt = side.prompt
      let text = prompt.tokenizer.decode(try prompt.ids(asking: "Is it normal?"))
      #expect(text.hasPrefix("<|im_start|>User:<fake_token_around_image><row_1_col_1><image>"))
      #expect(text.hasSuffix("Is it normal?<end_of_utterance>\nAssistant:"))
      #expect(side.view.geometry.tiles == 5)
    }
  }

  @Test func signalsToo() throws {
    try withModels { models in
      let settings = [
        "data.kind=synthetic", "data.view=signal", "data.records=50", "train.steps=1", "train.global_batch=4",
        "evaluation.enabled=false",
      ]
      #expect(try models.train("signals", settings).losses.count == 1)
      let student = models.folder.appendingPathComponent("signals/student")
      #expect(try ModelBlueprint(folder: student).viewName == "signal")
      try models.makeTeacherCutImages()
      let refused = #expect(throws: (any Error).self) { try models.train("refused", settings) }
      #expect(UserError.from(try #require(refused)).message.contains("LLaVA-NeXT"))
    }
  }

  @Test func conversationsWithoutTheirImageAreRefusedOrLeftOut() throws {
    try withModels { models in
      try FileManager.default.removeItem(at: models.images.appendingPathComponent("3.png"))
      let refused = #expect(throws: (any Error).self) { try models.train("refused") }
      #expect(UserError.from(try #require(refused)).remedy.contains("data.missing_images"))
      let outcome = try models.train("skipped", ["data.missing_images=skip", "train.steps=1"])
      #expect(outcome.notes.contains { $0.contains("2 conversations are left out") })
    }
  }

  /// What does not belong together is refused before a run folder is made.
  @Test func filesOfAnotherModelAreRefused() throws {
    func refusal(_ change: (RealModels) throws -> Void, _ settings: [String] = []) throws -> UserError {
      var found: UserError?
      try withModels { models in
        try change(models)
        do { try models.train("refused", settings) } catch { found = UserError.from(error) }
        #expect(!FileManager.default.fileExists(atPath: models.folder.appendingPathComponent("refused").path))
      }
      return try #require(found)
    }
    func write(_ text: String, _ name: String, _ folder: URL) throws {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    let tokenizer = try refusal { models in
      let file = models.student.appendingPathComponent("tokenizer.json")
      try FileManager.default.removeItem(at: file)
      try FileManager.default.copyItem(at: models.teacher.appendingPathComponent("tokenizer.json"), to: file)
    }
    #expect(tokenizer.message.contains("student") && tokenizer.message.contains("has no token"))
    let ids = try refusal { try $0.change($0.teacher, "config.json", ["image_token_index": 510]) }
    #expect(ids.kind == .badInput && ids.message.contains("510") && ids.message.contains("520"))
    let tiles = try refusal {
      try $0.change($0.student, "preprocessor_config.json", ["max_image_size": ["longest_edge": 48]])
    }
    #expect(tiles.message.contains("48 x 48") && tiles.message.contains("96 x 96"))
    let count = try refusal { try $0.change($0.student, "processor_config.json", ["image_seq_len": 64]) }
    #expect(count.message.contains("image_seq_len 64") && count.message.contains("9 visual tokens"))
    let template = try refusal { try write("{{ '<|turn|>' }}", "chat_template.jinja", $0.student) }
    #expect(template.message.contains("<|turn|>") && template.remedy.contains("data.chat_template"))
    let name = try refusal({ _ in }, ["data.chat_template=alpaca"])
    #expect(name.kind == .usage && name.message.contains("alpaca") && name.message.contains("vicuna"))
    let role = try refusal({ _ in }, ["teacher.chat_template=alpaca"])
    #expect(role.kind == .usage && role.message.contains("teacher.chat_template"))
    let family = try refusal({ _ in }, ["student.path=\(SharedFiles.url("cases/models/tiny_llava").path)"])
    #expect(family.kind == .usage && family.message.contains("LLaVA"))
  }

  /// A teacher whose processor and model cut images differently is told by the number of tokens.
  @Test func anImageOfOtherTokensThanTheModelsIsRefused() throws {
    try withModels { models in
      try models.makeTeacherCutImages()
      try models.change(models.teacher, "preprocessor_config.json", ["image_grid_pinpoints": [[112, 112]]])
      let error = #expect(throws: (any Error).self) { try models.train("run") }
      let message = UserError.from(try #require(error)).message
      #expect(message.contains("chat.json, entry") && message.contains("as the teacher sees it"))
      #expect(message.contains("tiles"))
    }
  }

  @Test func aTemplateOfNoKnownFamilyIsReplacedByTheOneNamed() throws {
    try withModels { models in
      let file = models.student.appendingPathComponent("chat_template.jinja")
      try Data("{{ '<|turn|>' }}".utf8).write(to: file)
      let outcome = try models.train("named", ["data.chat_template=idefics3", "train.steps=1"])
      #expect(outcome.losses.count == 1)
    }
  }

  /// The fixtures as they are hold no template: each model is asked in its family's form, and the run says so.
  @Test func foldersWithoutATemplateAreAskedAsTheirFamilies() throws {
    try withModels { models in
      let expected = try models.train("told")
      let (student, teacher) = (
        SharedFiles.url("cases/models/tiny_idefics3"), SharedFiles.url("cases/models/tiny_llava")
      )
      let paths = ["student.path=\(student.path)", "teacher.path=\(teacher.path)"]
      let outcome = try models.train("taken", paths)
      #expect(outcome.losses == expected.losses)
      #expect(outcome.notes.contains { $0.hasPrefix("student: \(student.path)") && $0.hasSuffix("idefics3") })
      #expect(outcome.notes.contains { $0.hasPrefix("teacher: \(teacher.path)") && $0.hasSuffix("vicuna") })
      #expect(!expected.notes.contains { $0.contains("chat template") })
      // One key for both is wrong for one of them; each has its own.
      let both = #expect(throws: (any Error).self) { try models.train("both", paths + ["data.chat_template=vicuna"]) }
      #expect(UserError.from(try #require(both)).message.contains("</s>"))
      let own = try models.train(
        "own", paths + ["data.chat_template=vicuna", "student.chat_template=idefics3", "train.steps=1"])
      #expect(own.losses == Array(expected.losses.prefix(1)))
      #expect(!own.notes.contains { $0.contains("chat template") })
    }
  }

  /// Of two that differ the one is taken that transformers takes, and who asks the model is told.
  @Test func aFolderOfTwoTemplatesSaysWhichIsTaken() throws {
    try withModels { models in
      let chatML = ChatTemplate.chatML.jinja
      try models.change(models.student, "chat_template.json", ["chat_template": chatML])
      let blueprint = try ModelBlueprint(folder: models.student)
      #expect(try blueprint.side.prompt.settings == "chat template chatml")
      let note = try #require(try blueprint.remark(inConversations: false))
      for words in [models.student.path, "that of chat_template.json", "chat_template.jinja holds another"] {
        #expect(note.contains(words), "\(note)")
      }
      let outcome = try models.train("two", ["train.steps=1"])
      #expect(outcome.notes.contains("student: \(note)"))
      let named = try ModelBlueprint(folder: models.student, chatTemplate: ChatTemplateRule(named: "idefics3"))
      #expect(try named.remark(inConversations: false) == nil)
      try Data(chatML.utf8).write(to: models.student.appendingPathComponent("chat_template.jinja"))
      #expect(try ModelBlueprint(folder: models.student).remark(inConversations: false) == nil)
    }
  }

  /// Named for one model, a template takes the place of its folder's.
  @Test func aTemplateNamedForTheTeacherIsTaken() throws {
    try withModels { models in
      let own = try models.train("own", ["train.steps=1"])
      let named = try models.train("named", ["train.steps=1", "teacher.chat_template=llama-2"])
      #expect(named.losses[0]["ce"] == own.losses[0]["ce"] && named.losses[0]["mhca"] != own.losses[0]["mhca"])
    }
  }

  @Test func imagesBehindAnswersThatAreNotUsedAreCountedAtTheStart() throws {
    try withModels { models in
      try models.showPicturesLate()
      let outcome = try models.train("none", ["train.labelled=0", "train.steps=1"])
      #expect(outcome.losses.count == 1)
      let note = outcome.notes.first { $0.contains("show images behind their first answer") }
      #expect(note?.contains("2 of the 8") == true && note?.contains("1 of them have no image left") == true)
      #expect(try !models.train("all", ["train.steps=1"]).notes.contains { $0.contains("first answer") })
    }
  }

  /// The same teacher as transformers lays it out, as the original LLaVA does, and as `export` makes the one of the other.
  @Test func aTeacherOfTheOriginalLlavaTeachesTheSame() throws {
    try withModels { models in
      try models.makeTeacherCutImages(to: [(56, 168), (112, 56)])
      let expected = try models.train("converted")
      try models.makeTeacherOriginal()
      let original = try models.train("original")
      #expect(original.losses == expected.losses)
      #expect(original.notes.contains { $0.hasPrefix("teacher: ") && $0.hasSuffix("vicuna") })
      let exported = models.folder.appendingPathComponent("exported")
      try ModelExport(from: models.teacher).write(to: exported)
      #expect(
        try String(contentsOf: exported.appendingPathComponent("chat_template.jinja"), encoding: .utf8)
          == ChatTemplate.vicuna.jinja)
      let shape = try #require(try ModelBlueprint(folder: exported).configuration as? LlavaConfiguration)
      #expect(shape.text.vocabularySize == 576 && shape.imageToken == 520 && shape.tokens.pad == 521)
      #expect(try models.train("exported", ["teacher.path=\(exported.path)"]).losses == expected.losses)
    }
  }

  @Test func aFolderOfTheOriginalLlavaIsInterpreted() throws {
    try withModels { models in
      try models.makeTeacherCutImages(to: [(56, 168), (112, 56)])
      try models.makeTeacherOriginal()
      let exported = models.folder.appendingPathComponent("exported")
      try ModelExport(from: models.teacher).write(to: exported)
      func answers(_ folder: URL) throws -> (texts: [String], remark: String?) {
        let interpreter = try Interpreter(model: folder, team: ThreadTeam(threads: 1))
        let texts = try [models.images.appendingPathComponent("0.png").path, "synthetic:3"].map { name in
          try interpreter.answer("Is it normal?", about: interpreter.subject(name), tokens: 4, onText: { _ in }).text
        }
        return (texts, interpreter.remark)
      }
      let (original, converted) = (try answers(models.teacher), try answers(exported))
      #expect(original.texts == converted.texts)
      #expect(original.remark?.contains("vicuna") == true && converted.remark == nil)
      try FileManager.default.removeItem(at: models.teacher.appendingPathComponent("tokenizer.json"))
      let refused = #expect(throws: UserError.self) { try ModelExport(from: models.teacher) }
      #expect(refused?.kind == .badInput && refused?.message.contains("tokenizer.json") == true)
    }
  }

  /// A loss case pads visual tokens of unequal number and says so.
  @Test func aStepIsWrittenAsACaseWithItsUnequalImages() throws {
    try withModels { models in
      let file = models.folder.appendingPathComponent("case.safetensors")
      let refused = #expect(throws: (any Error).self) { try models.train("text", dump: file) }
      #expect(UserError.from(try #require(refused)).message.contains("without an image"))
      let entries = try JSONSerialization.jsonObject(with: Data(contentsOf: models.chat)) as? [[String: Any]] ?? []
      try JSONSerialization.data(withJSONObject: entries.filter { $0["image"] != nil }).write(to: models.chat)
      try models.train("images", dump: file, ["train.steps=1"])
      let stored = try SafetensorsFile(contentsOf: file)
      let mask = try stored.integers("in.s_vis_mask")
      let shown = stride(from: 0, to: mask.count, by: mask.count / 8).map {
        mask[$0..<$0 + mask.count / 8].reduce(0, +)
      }
      #expect(Set(shown) == [27, 45, 72])
    }
  }
}
