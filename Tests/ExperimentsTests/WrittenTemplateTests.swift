import Corpus
import Foundation
import Models
import Tensors
import TestSupport
import Testing
import Training

@testable import Experiments

/// What a student's folder tells of how it was asked, where that is not what the folder it came from tells.
@Suite(.serialized, .enabled(if: RealModels.areThere)) struct WrittenTemplateTests {
  private static let plain = "chat_template.jinja"
  private static let one = ["train.steps=1"]
  private static let chatML = "student.chat_template=chatml"
  /// Ids of `<end_of_utterance>`, which ends answers of the folder the student comes from, and of `<|im_end|>`.
  private static let (ownEnd, chatMLEnd) = (384, 2)

  private func withModels(_ body: (RealModels) throws -> Void) throws {
    try withTemporaryFolder { try body(RealModels(in: $0)) }
  }

  private func export(_ models: RealModels, _ name: String) throws -> String {
    let target = models.folder.appendingPathComponent("exported-\(name.replacing("/", with: "-"))")
    try ModelExport(from: models.folder.appendingPathComponent(name)).write(to: target)
    return target.lastPathComponent
  }

  private func generation(_ folder: URL) throws -> [String: JSONValue] {
    let file = folder.appendingPathComponent("generation_config.json")
    let fields = try JSONValue(parsing: Data(contentsOf: file), file: file.path).object ?? []
    return Dictionary(uniqueKeysWithValues: fields.map { ($0.key, $0.value) })
  }

  /// Asked by another template than its folder tells, the student tells that one: others ask it as it was trained.
  @Test func theStudentTellsTheTemplateItWasTrainedBy() throws {
    try withModels { models in
      func text(_ name: String) throws -> String {
        try String(contentsOf: models.folder.appendingPathComponent("\(name)/\(Self.plain)"), encoding: .utf8)
      }
      try models.train("own", Self.one)
      #expect(try text("own/student") == RealModels.idefics3Template)
      try models.train("named", Self.one + [Self.chatML])
      for name in ["named/student", "named/checkpoints/step-00000001", try export(models, "named")] {
        #expect(try text(name) == ChatTemplate.chatML.jinja, "\(name)")
        let side = try ModelBlueprint(folder: models.folder.appendingPathComponent(name)).conversationSide()
        #expect(side.prompt.template == .chatML, "\(name)")
      }
      try models.train("adapted", Self.one + [Self.chatML, "train.lora.rank=2"])
      for name in ["adapted/student", try export(models, "adapted/checkpoints/step-00000001")] {
        #expect(try text(name) == ChatTemplate.chatML.jinja, "\(name)")
      }
      try FileManager.default.removeItem(at: models.student.appendingPathComponent(Self.plain))
      try models.train("standard", Self.one)
      #expect(try text("standard/student") == ChatTemplate.idefics3().jinja)
    }
  }

  /// And ends its answers as it was trained to, wherever it is read; nothing else of the file changes.
  @Test func theStudentTellsWhatEndsItsAnswers() throws {
    try withModels { models in
      try models.change(models.student, "generation_config.json", ["temperature": 0.5])
      let before = try generation(models.student)
      try models.train("named", Self.one + [Self.chatML])
      try models.train("adapted", Self.one + [Self.chatML, "train.lora.rank=2"])
      let whole = [
        "named/student", "named/checkpoints/step-00000001", try export(models, "named"), "adapted/student",
        try export(models, "adapted/checkpoints/step-00000001"),
      ]
      for name in whole + ["adapted/checkpoints/step-00000001"] {
        let folder = models.folder.appendingPathComponent(name)
        var fields = try generation(folder)
        #expect(
          fields.removeValue(forKey: "eos_token_id") == .array([.integer(Self.ownEnd), .integer(Self.chatMLEnd)]),
          "\(name)")
        #expect(fields == before.filter { $0.key != "eos_token_id" }, "\(name)")
        guard whole.contains(name) else { continue }
        let blueprint = try ModelBlueprint(folder: folder)
        #expect(blueprint.configuration.endTokens == [Self.ownEnd, Self.chatMLEnd], "\(name)")
        // What `interpret` and `evaluate` stop at.
        #expect(try Int(blueprint.side.prompt.endId) == Self.chatMLEnd, "\(name)")
      }
    }
  }

  /// A folder that already says so keeps its file byte for byte; one that says nothing ends as its config.json and now also
  /// as it was trained.
  @Test func whatEndsAnswersAlreadyIsNotAddedAgain() throws {
    try withModels { models in
      try FileManager.default.removeItem(at: models.student.appendingPathComponent(Self.plain))
      let name = "generation_config.json"
      let own = try Data(contentsOf: models.student.appendingPathComponent(name))
      try models.train("standard", Self.one)
      #expect(try Data(contentsOf: models.folder.appendingPathComponent("standard/student/\(name)")) == own)
      try Data(#"{"top_k": 7}"#.utf8).write(to: models.student.appendingPathComponent(name))
      #expect(try ModelFolder(models.student).configuration.endTokens == [Self.ownEnd])
      try models.train("silent", Self.one + [Self.chatML])
      let fields = try generation(models.folder.appendingPathComponent("silent/student"))
      #expect(fields["top_k"] == .integer(7) && fields.count == 2)
      #expect(fields["eos_token_id"] == .array([.integer(Self.ownEnd), .integer(Self.chatMLEnd)]))
    }
  }

  /// The template that `export` gives a folder of the original LLaVA ends answers with `</s>`, id 2 of this tokenizer.
  @Test func anExportedOriginalTellsWhatEndsItsAnswers() throws {
    try withModels { models in
      try models.makeTeacherCutImages(to: [(56, 168), (112, 56)])
      try models.makeTeacherOriginal()
      try models.change(models.teacher, "generation_config.json", ["eos_token_id": 7])
      let exported = models.folder.appendingPathComponent("exported")
      try ModelExport(from: models.teacher).write(to: exported)
      #expect(try ModelFolder.answerEnds(in: exported) == [7, 2])
    }
  }
}
