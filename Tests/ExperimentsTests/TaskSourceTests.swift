import Corpus
import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

/// What a user names of a task's data, and what of it says nothing.
@Suite struct TaskSourceTests {
  private typealias Setting = (name: String, give: (inout TaskSource) -> Void)

  private func settings(_ place: URL) -> [Setting] {
    [
      ("--fold", { $0.fold = 9 }), ("--split", { $0.split = .valid }), ("--wording", { $0.wording = .template }),
      ("--recordings", { $0.recordings = place }), ("--form", { $0.form = .options }),
      ("--images", { $0.images = place }), ("--ids", { $0.ids = place }),
    ]
  }

  private func counts(_ name: String, for task: TaskName, isFolder: Bool) -> Bool {
    switch name {
    case "--images": !isFolder
    case "--fold": isFolder && [.ptbXLSuper, .ptbXLReport].contains(task)
    case "--form": isFolder && [.csn, .g12EC].contains(task)
    case "--ids": isFolder && task != .ecgQA
    default: isFolder && task == .ecgQA
    }
  }

  @Test(arguments: TaskName.allCases) func whatSaysNothingAboutATaskIsRefusedByName(task: TaskName) throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("questions.json")
      try Data("[]".utf8).write(to: file)
      for (data, isFolder) in [(URL(fileURLWithPath: folder.path, isDirectory: true), true), (file, false)] {
        try TaskSource(task, data: data).refuseUnused()
        for (name, give) in settings(folder) {
          var source = TaskSource(task, data: data)
          give(&source)
          let given = source
          guard !counts(name, for: task, isFolder: isFolder) else {
            try given.refuseUnused()
            continue
          }
          let refused = #expect(throws: UserError.self) { try given.load() }
          #expect(refused?.kind == .usage, "\(name): \(refused?.message ?? "")")
          let form = isFolder ? "a folder" : "a file of conversations"
          #expect(refused?.message.hasPrefix("\(name): not for \(task.rawValue) on \(form)") == true)
          #expect(refused?.remedy.contains("\(name) is for ") == true)
        }
      }
    }
  }

  @Test func aLinkToAFolderIsAFolder() throws {
    try withTemporaryFolder { folder in
      let (place, link) = (folder.appendingPathComponent("real"), folder.appendingPathComponent("link"))
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: place)
      var source = TaskSource(.ptbXLSuper, data: link)
      source.fold = 9
      let given = source
      try given.refuseUnused()
      #expect(link.isFolder && !folder.appendingPathComponent("none").isFolder)
    }
  }

  @Test func allOfSeveralAreNamed() throws {
    try withTemporaryFolder { folder in
      var source = TaskSource(.choice, data: folder.appendingPathComponent("questions.json"))
      try Data("[]".utf8).write(to: source.data)
      (source.fold, source.split, source.images) = (9, .test, folder)
      let given = source
      let refused = #expect(throws: UserError.self) { try given.load() }
      #expect(refused?.message.hasPrefix("--fold, --split: not for choice") == true)
      // What is not there is told first.
      source.data = folder.appendingPathComponent("none.json")
      let gone = source
      let missing = #expect(throws: UserError.self) { try gone.load() }
      #expect(missing?.kind == .inputOutput)
    }
  }

  @Test func aFileOfIDsChoosesRecordingsAndNamesWhatItIsWrongAbout() throws {
    let items = ["a", "b", "c"].map { id in
      LabelItem(TextQuestion(id: id, prompt: "?", shown: [id]), gold: ["MI"])
    }
    let task = LabelTask(name: "t", space: .ptbXLSuper, subset: "s", items: items, leftOut: ["x", "y"])
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("ids.txt")
      func choose(_ text: String) throws -> ChosenQuestions {
        try Data(text.utf8).write(to: file)
        return try ChosenQuestions.of(task, namedIn: file, data: folder)
      }
      let all = try ChosenQuestions.of(task, namedIn: nil, data: folder)
      #expect(all.task.questions.map(\.id) == ["a", "b", "c"] && all.others.isEmpty && all.notes.isEmpty)
      let part = try choose("c\nx\na\n")
      #expect(part.task.questions.map(\.id) == ["a", "c"] && part.task.leftOut == ["x"] && part.others == ["b", "y"])
      #expect(part.notes.count == 2 && part.notes[0].hasPrefix("2 of 3 recordings are asked about"))
      #expect(part.notes[1] == "1 recordings that ids.txt names are left out: x")
      let wrong: [(text: String, words: String)] = [
        ("a\nq\nr\n", "2 of 3 ids are of no recording of t"), ("a\nb\na\nb\n", "more than once: a, b"),
        ("x\ny\n", "leaves out all 2 of these recordings: x, y"), (" \n", "holds no id"),
      ]
      for (text, words) in wrong {
        let refused = #expect(throws: UserError.self) { try choose(text) }
        #expect(refused?.kind == .badInput && refused?.message.contains(words) == true, "\(text)")
      }
      try Data([0xFF, 0xFE, 0x00]).write(to: file)
      #expect(throws: UserError.self) { try ChosenQuestions.of(task, namedIn: file, data: folder) }
    }
  }
}
