import Corpus
import Evaluation
import Foundation
import Tensors

/// The tasks that `evaluate` knows, and where their questions come from.
public enum TaskName: String, CaseIterable, Sendable {
  case ptbXLSuper = "ptb-xl-super"
  case ptbXLReport = "ptb-xl-report"
  case ecgQA = "ecg-qa"
  case mmmuECG = "mmmu-ecg"
  case csn
  case g12EC = "g12ec"
  /// Any multiple choice in the same form.
  case choice
}

/// The questions of a task whose answers are texts, as a user names them.
public struct TaskSource: Sendable {
  public var task: TaskName
  /// ECG-QA's folder, a file of ECGBench's conversations, or a folder of WFDB records with diagnoses.
  public var data: URL
  /// Folder that image paths begin at; nil: that of the file.
  public var images: URL?
  /// Fold of PTB-XL's own reports.
  public var fold = 10
  /// PTB-XL's folder, for questions about its recordings.
  public var recordings: URL?
  public var split = ECGQAQuestions.Split.test
  public var wording = ECGQAQuestions.Wording.paraphrased

  public init(_ task: TaskName, data: URL) {
    self.task = task
    self.data = data
  }

  /// - Throws: `UserError` naming the file at fault, or (usage) for `ptb-xl-super`, which is no such task.
  public func load() throws -> any TextTask {
    switch task {
    case .ptbXLSuper: throw UserError(.usage, "\(task.rawValue) is scored by probabilities")
    case .ptbXLReport where data.hasDirectoryPath:
      let dataset = try PTBXLDataset(path: data)
      let samples = try dataset.samples(inFolds: [fold]).filter { !$0.report.allSatisfy(\.isWhitespace) }
      return ReportTask(
        name: task.rawValue, subset: "\(dataset.name), fold \(fold)",
        items: samples.map { sample in
          ReportTask.Item(
            TextQuestion(id: sample.id, prompt: Question.Kind.report.text, shown: [sample.id]), reference: sample.report
          )
        })
    case .ptbXLReport:
      let conversations = try ConversationFile.conversations(in: data)
      return try ReportTask(
        name: task.rawValue, subset: data.lastPathComponent, conversations: conversations,
        keys: ConversationDataset.keys(of: conversations.map(\.id)))
    case .ecgQA:
      return try OptionTask(
        ECGQAQuestions(folder: data, wording: wording, split: split),
        subset: "ECG-QA (PTB-XL), \(split.rawValue), \(wording.rawValue) questions",
        folds: recordings.map { try PTBXLDataset.folds(path: $0) })
    case .csn where data.hasDirectoryPath, .g12EC where data.hasDirectoryPath:
      return try ChoiceTask(name: task.rawValue, diagnoses: DiagnosedFolder(data))
    case .mmmuECG, .csn, .g12EC, .choice:
      let conversations = try ConversationFile.conversations(in: data)
      return try ChoiceTask(
        name: task.rawValue, subset: data.lastPathComponent, conversations: conversations,
        keys: ConversationDataset.keys(of: conversations.map(\.id)))
    }
  }
}
