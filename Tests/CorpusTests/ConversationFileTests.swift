import Cardiology
import Foundation
import TestSupport
import Tensors
import Testing

@testable import Corpus

private func read(_ text: String) throws -> [Conversation] {
  try ConversationFile.conversations(in: Data(text.utf8), name: "chat.json")
}

@Suite struct ConversationFileTests {
  private let instruct = """
    {"id": "m-1", "image": "mimic/p1/1-0.png", "conversations": [
    {"from": "human", "value": "<image>\\nWhat is the axis?\\nA. Normal\\nB. Left"},
    {"from": "gpt", "value": " The correct option is A. "},
    {"from": "human", "value": "Sure?"}, {"from": "gpt", "value": "Yes."}],
    "metadata": {"subtask": "feature"}, "source": "MIMIC-IV-ECG"}
    """

  @Test func theFormOfECGInstructIsRead() throws {
    let made = try #require(read("[\(instruct)]").first)
    #expect(made.id == "m-1" && made.images == ["mimic/p1/1-0.png"] && made.answers == 2)
    #expect(
      made.turns == [
        .init(.human, "What is the axis?\nA. Normal\nB. Left", images: 1),
        .init(.assistant, "The correct option is A."), .init(.human, "Sure?"), .init(.assistant, "Yes."),
      ])
    #expect(made.place == "chat.json, entry 1 (id m-1)")
  }

  @Test func linesAndListsHoldTheSame() throws {
    let line = instruct.replacing("\n", with: " ")
    let lines = try read("\(line)\n\n\(line)\r\n")
    #expect(lines.count == 2 && lines[1].place == "chat.json, entry 2 (id m-1)")
    #expect(lines.map(\.turns) == (try read("[\(line), \(line)]")).map(\.turns))
  }

  @Test func otherSpellingsAreRead() throws {
    let report = try read(
      #"[{"id": 7, "image": "a.png", "conversation": [{"from": "user", "value": "Write."}, {"from": "assistant", "value": "Sinus."}]}]"#
    )
    #expect(
      report[0].id == "7" && report[0].turns == [.init(.human, "Write.", images: 1), .init(.assistant, "Sinus.")])
    let chat = try read(
      #"[{"conversations": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q"}, {"role": "assistant", "content": ["a", "b"]}]}]"#
    )
    #expect(
      chat[0].images.isEmpty && chat[0].id == "1" && chat[0].turns[2] == .init(.assistant, "a, b", parts: ["a", "b"]))
    let arena = try read(
      #"[{"image": "q.png", "conversations": [{"question": "1?", "answer": "x"}, {"question": "2?", "answer": "y"}]}]"#)
    #expect(arena[0].answers == 2 && arena[0].turns.map(\.images) == [1, 0, 0, 0])
    let two = try read(
      #"[{"image": ["a.png", "b.png"], "conversations": [{"from": "human", "value": "<image><image> Compare."}, {"from": "gpt", "value": "-"}]}]"#
    )
    #expect(two[0].turns[0] == .init(.human, "Compare.", images: 2))
    let turns = #""conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "-"}]"#
    for picture in [#""image_path": "a.png""#, #""image": null, "image_path": "a.png""#] + [
      #""image": {"bytes": "", "path": null}, "image_path": "a.png""#, #""image": "a.png", "image_path": "b.png""#,
    ] {
      #expect(try read("[{\(picture), \(turns)}]")[0].images == ["a.png"], "\(picture)")
    }
  }

  @Test(arguments: [
    (#"[{"image": "a.png"}]"#, "conversations: a list of turns is missing"),
    (#"[{"conversations": []}]"#, "conversations: a list"),
    (#"[{"conversations": [{"from": "human"}]}]"#, "conversations[0].value"),
    (#"[{"conversations": [{"value": "x"}]}]"#, "conversations[0].from"),
    (#"[{"conversations": [{"from": "robot", "value": "x"}]}]"#, "conversations[0].from: \"robot\""),
    (#"[{"conversations": [{"from": "human", "value": 3}]}]"#, "conversations[0].value"),
    (#"[{"conversations": [{"from": "human", "value": ["a", 3]}]}]"#, "conversations[0].value"),
    (#"[{"conversations": [{"from": "human", "value": " "}]}]"#, "conversations[0].value: the text is empty"),
    (#"[{"conversations": [{"from": "gpt", "value": "x"}]}]"#, "turn 1: assistant speaks where human should"),
    (
      #"[{"conversations": [{"from": "human", "value": "x"}, {"from": "human", "value": "y"}]}]"#,
      "turn 2: human speaks where assistant should"
    ),
    (#"[{"conversations": [{"from": "system", "value": "x"}]}]"#, "nobody speaks"),
    (#"[{"conversations": [{"from": "human", "value": "<image> x"}]}]"#, "1 <image> marks for 0 images"),
    (
      #"[{"image": "a.png", "conversations": [{"from": "human", "value": "<image><image> x"}]}]"#,
      "2 <image> marks for 1 images"
    ),
    (
      #"[{"image": "a.png", "conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "<image>"}]}]"#,
      "conversations[1].value: <image> outside"
    ),
    (#"[{"image": 3, "conversations": [{"from": "human", "value": "x"}]}]"#, "image: neither"),
    (#"[{"image": ["a", ""], "conversations": [{"from": "human", "value": "x"}]}]"#, "image: an empty path"),
    (#"[{"conversations": [{"question": "x"}]}]"#, "conversations[0].answer"),
    ("[3]", "not a JSON object"), ("[]", "no conversation"), ("hello", "neither a JSON list"),
    ("", "neither a JSON list"),
    ("{\"a\": 1}\n{\"b\"", "line 2"),
  ])
  func errorsNameFileEntryAndKey(text: String, what: String) {
    let error = #expect(throws: UserError.self) { try read(text) }
    #expect(error?.kind == .badInput && error?.message.hasPrefix("chat.json") == true, "\(text)")
    #expect(error?.message.contains(what) == true, "\(error?.message ?? "")")
  }

  @Test func damagedFilesNeverTrap() throws {
    var random = CounterRandom(seed: 5, purpose: "fuzz")
    let sound = [UInt8]("[\(instruct),\(instruct)]".utf8)
    for round in 0..<2_000 {
      var bytes = sound
      for _ in 0...random.integer(below: 3) {
        bytes[random.integer(below: bytes.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      if round % 3 == 0 { bytes.removeLast(random.integer(below: bytes.count)) }
      do { _ = try ConversationFile.conversations(in: Data(bytes), name: "chat.json") } catch is UserError {}
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/ecgbench/ptb_report_generation_test.json")))
  func theReportItemsOfECGBenchAreRead() throws {
    let made = try ConversationFile.conversations(
      in: SharedFiles.url("data/ecgbench/ptb_report_generation_test.json"))
    #expect(made.count == 500)
    #expect(made.allSatisfy { $0.answers == 1 && $0.images.count == 1 && $0.turns[0].images == 1 })
    #expect(made[0].id == "ptb-report-07190_hr-0" && made[0].turns[1].text == "Sinus rhythm, normal axis, normal ECG.")
  }
}

@Suite struct ConversationDatasetTests {
  private func entry(_ image: String?, _ id: String) -> String {
    let path = image.map { "\"image\": \"\($0)\", " } ?? ""
    return "{\"id\": \"\(id)\", \(path)\"conversations\": [{\"from\": \"human\", \"value\": \"Q?\"}, "
      + "{\"from\": \"gpt\", \"value\": \"A\"}]}"
  }

  private func withFolder<T>(_ entries: [String], _ body: (URL) throws -> T) throws -> T {
    try withTemporaryFolder { folder in
      try Data("[\(entries.joined(separator: ","))]".utf8).write(to: folder.appendingPathComponent("chat.json"))
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("images"), withIntermediateDirectories: true)
      try RasterImage.picture(width: 40, height: 30, seed: 1).writePNG(
        to: folder.appendingPathComponent("images/a.png"))
      try writeRecord("records/00001_lr", in: folder)
      return try body(folder)
    }
  }

  @Test func picturesRecordsAndTextAloneAreShown() throws {
    let entries = [
      entry("images/a.png", "a"), entry("records/00001_lr", "b"), entry("records/00001_lr.hea", "c"), entry(nil, "d"),
    ]
    try withFolder(entries) { folder in
      let page = ECGPage(size: PixelSize(width: 880, height: 680))
      let dataset = try ConversationDataset(path: folder.appendingPathComponent("chat.json"), page: page)
      let images = try dataset.conversations.map(dataset.images)
      #expect(images.map(\.count) == [1, 1, 1, 0])
      #expect(images[0][0] == .picture(width: 40, height: 30, seed: 1))
      #expect(images[1][0].width == 880 && images[1][0].height == 680 && images[1][0] == images[2][0])
      #expect(Set(images[1][0].pixels).count > 20)
      #expect(dataset.remarks == ["chat: 1 of 4 conversations are text alone"])
      // A folder is all its files of conversations, and paths begin at it.
      #expect(try ConversationDataset(path: folder, page: page).conversations.count == 4)
    }
  }

  @Test func imagesThatAreMissingAreRefusedOrSkipped() throws {
    try withFolder([entry("images/a.png", "a"), entry("images/none.png", "b")]) { folder in
      let path = folder.appendingPathComponent("chat.json")
      let error = #expect(throws: UserError.self) { try ConversationDataset(path: path) }
      #expect(error?.message.contains("entry 2 (id b)") == true && error?.message.contains("none.png") == true)
      let kept = try ConversationDataset(path: path, missingImages: .skipped)
      #expect(kept.conversations.map(\.id) == ["a"] && kept.remarks.first?.contains("1 conversations") == true)
      let elsewhere = folder.appendingPathComponent("records")
      #expect(throws: UserError.self) {
        try ConversationDataset(path: path, root: elsewhere, missingImages: .skipped)
      }
    }
  }

  @Test func aDamagedImageIsNamedWithItsEntry() throws {
    try withFolder([entry("images/bad.png", "x")]) { folder in
      try Data("no picture".utf8).write(to: folder.appendingPathComponent("images/bad.png"))
      let dataset = try ConversationDataset(path: folder)
      let error = #expect(throws: UserError.self) { try dataset.images(of: dataset.conversations[0]) }
      #expect(error?.message.contains("entry 1 (id x)") == true && error?.message.contains("bad.png") == true)
      let nowhere = folder.appendingPathComponent("nowhere.json")
      #expect(throws: UserError.self) { try ConversationDataset(path: nowhere) }
      #expect(throws: UserError.self) { try ConversationDataset(path: folder.appendingPathComponent("images")) }
    }
  }

  @Test func theFingerprintFollowsTheTextAndNotTheFilesName() throws {
    try withFolder([entry("images/a.png", "a")]) { folder in
      let first = try ConversationDataset(path: folder.appendingPathComponent("chat.json")).fingerprint
      let renamed = folder.appendingPathComponent("renamed.json")
      try FileManager.default.copyItem(at: folder.appendingPathComponent("chat.json"), to: renamed)
      #expect(try ConversationDataset(path: renamed).fingerprint == first)
      try Data("[\(entry("images/a.png", "a").replacing("Q?", with: "R?"))]".utf8)
        .write(to: folder.appendingPathComponent("chat.json"))
      #expect(try ConversationDataset(path: folder.appendingPathComponent("chat.json")).fingerprint != first)
    }
  }
}
