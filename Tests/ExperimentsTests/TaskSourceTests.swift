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
      ("--images", { $0.images = place }),
    ]
  }

  private func counts(_ name: String, for task: TaskName, isFolder: Bool) -> Bool {
    switch name {
    case "--images": !isFolder
    case "--fold": isFolder && [.ptbXLSuper, .ptbXLReport].contains(task)
    case "--form": isFolder && [.csn, .g12EC].contains(task)
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
}
