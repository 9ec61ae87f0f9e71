import Corpus
import Evaluation
import Foundation
import Tensors

/// The tasks that `evaluate` knows, and where their questions come from.
public enum TaskName: String, CaseIterable, Sendable {
  case ptbXLSuper = "ptb-xl-super"
  case ptbXLReport = "ptb-xl-report"
  case cpsc2018 = "cpsc-2018"
  case code15 = "code-15"
  case ecgQA = "ecg-qa"
  case arena
  case mmmuECG = "mmmu-ecg"
  case csn
  case g12EC = "g12ec"
  /// Any multiple choice in the same form.
  case choice

  /// The labels that records of it carry; nil for a task of another kind.
  var labels: LabelSpace? {
    switch self {
    case .ptbXLSuper: .ptbXLSuper
    case .cpsc2018: .cpsc2018
    case .code15: .code15
    default: nil
    }
  }
}

/// The questions of a task, as a user names them. What is nil was left out.
public struct TaskSource: Sendable {
  /// What is asked about records with diagnoses.
  public enum Form: String, CaseIterable, Sendable {
    /// Which of eight lists of diagnoses is theirs.
    case options
    /// Which of the scored diagnoses they show.
    case labels
  }

  public var task: TaskName
  /// A data set's folder, a file of ECGBench's conversations, or a folder of WFDB records with diagnoses.
  public var data: URL
  /// Folder that image paths begin at; nil: that of the file.
  public var images: URL?
  /// Fold of PTB-XL's own recordings; 10 where it is left out.
  public var fold: Int?
  /// PTB-XL's folder, for questions about its recordings.
  public var recordings: URL?
  /// Split of ECG-QA's own questions; the test's where it is left out.
  public var split: ECGQAQuestions.Split?
  /// Wording of ECG-QA's own questions; paraphrased where it is left out.
  public var wording: ECGQAQuestions.Wording?
  /// What is asked about records with diagnoses; options where it is left out.
  public var form: Form?

  /// A file of the ids of recordings that are asked about, one a line; all where it is left out.
  public var ids: URL?

  public init(_ task: TaskName, data: URL) {
    self.task = task
    self.data = data
  }

  /// - Parameter readsRecordings: whether recordings are shown to a model, so that they must be there.
  /// - Throws: `UserError` naming the file at fault, or (usage) options that say nothing about this task.
  public func load(readsRecordings: Bool = true) throws -> any BenchmarkTask {
    guard FileManager.default.fileExists(atPath: data.path) else {
      throw UserError(.inputOutput, "\(data.path): no such file or folder", remedy: "check --data")
    }
    try refuseUnused()
    let known = try recordings.map { path in
      try Self.naming("--recordings") { try PTBXLDataset.index(path: path) }
    }
    return try Self.naming("--data") {
      guard data.isFolder else { return try ofConversations() }
      guard task == .ecgQA else { return try ofRecordings(areRead: readsRecordings) }
      let (split, wording) = (split ?? .test, wording ?? .paraphrased)
      return try OptionTask(
        ECGQAQuestions(folder: data, wording: wording, split: split),
        subset: "ECG-QA (PTB-XL), \(split.rawValue), \(wording.rawValue) questions", recordings: known)
    }
  }

  /// What data sets advise, with the option of this command in place of a run's setting.
  private static func naming<Result>(_ option: String, _ read: () throws -> Result) throws -> Result {
    do { return try read() } catch let error as UserError {
      throw UserError(error.kind, error.message, remedy: error.remedy.replacing("data.path", with: option))
    }
  }

  /// The task of a folder of recordings.
  private func ofRecordings(areRead: Bool) throws -> any BenchmarkTask {
    switch task {
    case .ptbXLSuper, .ptbXLReport:
      let dataset = try PTBXLDataset(path: data)
      let fold = fold ?? 10
      let samples = try dataset.samples(inFolds: [fold])
      let others = dataset.unlabelled.filter { $0.fold == fold }
      let subset = "\(dataset.name), fold \(fold)"
      return task == .ptbXLSuper ? superclasses(samples, others, subset) : reports(samples + others, subset)
    case .cpsc2018: return try LabelTask(cpsc: DiagnosedFolder(data, needsTables: false))
    case .code15: return try LabelTask(code15: CODE15Dataset(path: data, needsTracings: areRead))
    case .csn, .g12EC:
      let folder = try DiagnosedFolder(data)
      return form == .labels
        ? try LabelTask(name: task.rawValue, diagnoses: folder) : try ChoiceTask(name: task.rawValue, diagnoses: folder)
    case .mmmuECG, .choice, .ecgQA, .arena:
      throw UserError(
        .badInput, "\(data.path): a folder, and \(task.rawValue) is a file of conversations", remedy: "name the file")
    }
  }

  private func superclasses(_ samples: [ECGSample], _ others: [ECGSample], _ subset: String) -> LabelTask {
    let space = LabelSpace.ptbXLSuper
    return LabelTask(
      name: task.rawValue, space: space, subset: subset,
      items: samples.map { sample in
        LabelItem(
          TextQuestion(id: sample.id, prompt: space.listing, shown: [sample.id]),
          gold: Set(sample.superclasses.map(\.rawValue)), subject: sample.subject)
      }, remarks: Self.told(others, "without a superclass"), leftOut: others.map(\.id))
  }

  /// What is to be said of records that are left out.
  private static func told(_ left: [ECGSample], _ what: String) -> [String] {
    guard !left.isEmpty else { return [] }
    return ["\(left.count) records \(what) are left out: \(UserError.some(left.map(\.id)))"]
  }

  private func reports(_ samples: [ECGSample], _ subset: String) -> ReportTask {
    let reported = samples.filter { !$0.report.allSatisfy(\.isWhitespace) }
    let others = samples.filter { $0.report.allSatisfy(\.isWhitespace) }
    return ReportTask(
      name: task.rawValue, subset: subset,
      items: reported.map { sample in
        ReportTask.Item(
          TextQuestion(id: sample.id, prompt: QuestionSet.superclasses.report, shown: [sample.id]),
          reference: sample.report, subject: sample.subject)
      }, remarks: Self.told(others, "without a report"), leftOut: others.map(\.id))
  }

  /// The task of a file of conversations.
  private func ofConversations() throws -> any BenchmarkTask {
    let conversations = try ConversationFile.conversations(in: data)
    let keys = ConversationDataset.keys(of: conversations.map(\.id))
    let (name, subset) = (task.rawValue, data.lastPathComponent)
    if let space = task.labels {
      return try LabelTask(name: name, space: space, subset: subset, conversations: conversations, keys: keys)
    }
    switch task {
    case .ptbXLReport: return try ReportTask(name: name, subset: subset, conversations: conversations, keys: keys)
    case .ecgQA: return try OptionTask(name: name, subset: subset, conversations: conversations, keys: keys)
    case .arena: return try ArenaTask(name: name, subset: subset, conversations: conversations, keys: keys)
    default: return try ChoiceTask(name: name, subset: subset, conversations: conversations, keys: keys)
    }
  }
}
