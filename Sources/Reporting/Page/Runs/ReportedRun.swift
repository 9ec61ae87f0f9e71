import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// A run as its folder shows it, finished or not. What is missing or damaged is left out and told of.
public struct ReportedRun {
  /// How far the run is.
  public struct State: Sendable {
    /// "finished", "running, process 7 on host", ...
    public var text: String
    public var isFinished: Bool

    public init(text: String, isFinished: Bool) {
      (self.text, self.isFinished) = (text, isFinished)
    }
  }

  /// The models that a run evaluates.
  enum Model: String, CaseIterable {
    case teacher, before, after

    var title: String {
      switch self {
      case .teacher: "teacher"
      case .before: "student before"
      case .after: "student after"
      }
    }

    var style: String {
      switch self {
      case .teacher: "s2"
      case .before: "s6"
      case .after: "s1"
      }
    }
  }

  /// `results.json`.
  struct Results: Decodable {
    var subset: String
    var teacher: LabelReport?
    var before: LabelReport?
    var after: LabelReport?

    subscript(model: Model) -> LabelReport? {
      switch model {
      case .teacher: teacher
      case .before: before
      case .after: after
      }
    }

    /// What the models were asked.
    var questions: QuestionSet { QuestionSet.of(task: models.first?.report.task) }

    /// The models that were evaluated.
    var models: [(model: Model, report: LabelReport)] {
      Model.allCases.compactMap { model in self[model].map { (model, $0) } }
    }
  }

  struct Setting {
    var key: String
    var value: String
    /// Whether it is that of the built-in quick start.
    var isDefault: Bool
  }

  struct Save {
    var name: String
    var step: Int
    var bytes: Int
    var time: Date?
  }

  public let folder: URL
  public var state: State
  /// nil where `config.yaml` is missing or cannot be read.
  let configuration: RunConfiguration?
  let settings: [Setting]
  let start: StartRecord?
  /// How often the run was started.
  let starts: Int
  let metrics: MetricsReading
  let results: Results?
  /// What the evaluated models said, in the order of the records; only of those whose scores are those of `results`, and of
  /// the teacher of an ablation.
  let answers: [Model: [KeptAnswer]]
  /// Whether the run is one of an ablation, whose student `ablate` evaluates.
  let isOfAblation: Bool
  /// Why a run of an ablation came to nothing; nil where it did not.
  let failure: String?
  /// Whether the student's answers do not say which records belong to one patient: of an earlier version's ablation.
  let lacksSubjects: Bool
  /// Newest first.
  let saves: [Save]
  /// Of the newest checkpoint that agrees with its manifest.
  let saved: RunState?
  /// Numbers that student and teacher hold, where their shapes are at hand.
  let parameters: (student: Int?, teacher: Int?)
  /// SHA-256 of the trained student's weights.
  let digest: String?
  /// What is missing or damaged, a sentence each.
  let problems: [String]

  public var name: String { folder.lastPathComponent }

  /// What its page is called: a run of an ablation, whose folder's own name is its seed, by condition and method, too.
  var title: String {
    let parts = folder.pathComponents
    guard isOfAblation, let place = parts.lastIndex(where: { [RunFile.runs, RunFile.grids].contains($0) }),
      place + 1 < parts.count
    else { return name }
    return parts[(place + 1)...].joined(separator: "/")
  }

  /// How to get answers that its folder does not keep.
  var answersRemedy: String {
    isOfAblation
      ? "Where the run's answers.json is missing (remove one that is damaged), the same ablate command evaluates the "
        + "student again, trains no step anew and writes it."
      : "This version keeps answers-teacher.jsonl, answers-before.jsonl and answers-after.jsonl; runs of earlier ones have none. "
        + "The same train command evaluates the student again, trains no step anew and writes them."
  }

  /// - Throws: `UserError` for a folder that does not exist (input/output), or holds no run (bad input).
  public init(_ url: URL, state: State) throws {
    folder = url.standardizedFileURL
    self.state = state
    guard FileManager.default.fileExists(atPath: folder.path) else {
      throw UserError(.inputOutput, "\(url.path) does not exist", remedy: "name the folder of a run")
    }
    func file(_ name: String) -> URL { url.appendingPathComponent(name) }
    func data(_ name: String) -> Data? { try? Data(contentsOf: file(name)) }
    guard [RunFile.configuration, RunFile.metrics, RunFile.environment].contains(where: { data($0) != nil }) else {
      throw UserError(
        .badInput, "\(url.path) holds no run: config.yaml, metrics.jsonl and environment.json are missing",
        remedy: "name the folder that the run was given as run.folder")
    }
    var problems: [String] = []
    (configuration, settings) = Self.settings(file(RunFile.configuration), &problems)
    start = data(RunFile.environment).flatMap(StartRecord.read)
    if start == nil { problems.append("environment.json is missing or damaged: where the run ran is not known.") }
    starts = data(RunFile.starts)?.split(separator: 0x0A).count ?? (start == nil ? 0 : 1)
    metrics = try MetricsReading(file(RunFile.metrics))
    problems += metrics.remarks
    let written = data(RunFile.results)
    results = written.flatMap { try? JSONDecoder().decode(Results.self, from: $0) }
    if written == nil, FileManager.default.fileExists(atPath: file(RunFile.results).path) {
      problems.append("results.json cannot be read: the evaluations cannot be shown.")
    }
    if written != nil, results == nil {
      problems.append("results.json is damaged, or of another version: the evaluations cannot be shown.")
    }
    isOfAblation = start?.isOfAblation == true || AblationAnswers.exist(in: url)
    let kept = Self.ablationAnswers(in: url, &problems)
    failure = kept?.failure
    if failure != nil { self.state = State(text: "came to nothing", isFinished: false) }
    var answers = Self.answers(of: results, in: url, ablation: kept, &problems)
    if isOfAblation, configuration?.objective.needsTeacher == true, answers[.teacher] == nil,
      let results, let said = answers[.after]
    {
      answers[.teacher] = Self.ablationTeacher(
        of: folder, about: said, classes: results.questions.labels.map(\.name), &problems)
    }
    self.answers = answers
    lacksSubjects =
      answers[.after] != nil
      && !FileManager.default.fileExists(atPath: file(RunFile.answers(of: Model.after.rawValue)).path)
      && kept?.tellsSubjects == false
    (saves, saved) = Self.checkpoints(file(RunFile.checkpoints), &problems)
    parameters = Self.parameters(configuration)
    digest = try? Digest.sha256(fileAt: file(RunFile.student).appendingPathComponent("model.safetensors"))
    self.problems = problems
  }

  private static func settings(_ url: URL, _ problems: inout [String]) -> (RunConfiguration?, [Setting]) {
    guard FileManager.default.fileExists(atPath: url.path) else {
      problems.append("config.yaml is missing: the run's settings are not known.")
      return (nil, [])
    }
    do {
      let resolved = try ConfigurationLoader().merge(file: url)
      let usual = Dictionary(
        uniqueKeysWithValues: try ConfigurationLoader().merge().listing().map { ($0.key, $0.value) })
      let settings = try resolved.listing().map {
        Setting(key: $0.key, value: $0.value, isDefault: usual[$0.key] == $0.value)
      }
      return (resolved.configuration, settings)
    } catch {
      problems.append("config.yaml cannot be read: \(UserError.message(of: error))")
      return (nil, [])
    }
  }

  /// What a run of an ablation answered; nil where the folder keeps no such answers, or damaged ones.
  private static func ablationAnswers(in folder: URL, _ problems: inout [String]) -> AblationAnswers? {
    guard AblationAnswers.exist(in: folder) else { return nil }
    do { return try AblationAnswers(in: folder) } catch {
      problems.append(UserError.message(of: error))
      return nil
    }
  }

  /// - Parameter ablation: what stands for the student's answers where the run is one of an ablation.
  private static func answers(
    of results: Results?, in folder: URL, ablation: AblationAnswers?, _ problems: inout [String]
  ) -> [Model: [KeptAnswer]] {
    guard let results else { return [:] }
    var answers: [Model: [KeptAnswer]] = [:]
    for (model, report) in results.models {
      var name = RunFile.answers(of: model.rawValue)
      let file = folder.appendingPathComponent(name)
      do {
        let kept: [KeptAnswer]
        if FileManager.default.fileExists(atPath: file.path) {
          kept = try KeptAnswers(contentsOf: file).answers
        } else if model == .after, let ablation, ablation.failure == nil {
          kept = try ablation.kept(classes: results.questions.labels.map(\.name))
          name = AblationAnswers.fileName
        } else {
          continue
        }
        guard areOf(report, kept) else {
          problems.append("\(name) is not of the evaluation in results.json and is left out.")
          continue
        }
        answers[model] = kept
      } catch {
        problems.append(UserError.message(of: error))
      }
    }
    return answers
  }

  /// Whether the answers give the scores of the report.
  private static func areOf(_ report: LabelReport, _ answers: [KeptAnswer]) -> Bool {
    let labelled = answers.filter { !$0.gold.isEmpty }
    return labelled.count == report.records
      && (report.probabilities?.classes ?? []).allSatisfy { scored in
        let area = ROCCurve(of: scored.name, labelled)?.area
        return abs((area ?? 0) - (scored.auc.value ?? 0)) < 1e-9 && (area == nil) == (scored.auc.value == nil)
      }
  }

  private static func checkpoints(_ folder: URL, _ problems: inout [String]) -> ([Save], RunState?) {
    let all = Checkpoint.all(in: folder)
    let newest = Checkpoint.newestSound(in: folder)
    problems += newest.skipped
    let saves = all.map { checkpoint in
      let manifest = checkpoint.folder.appendingPathComponent(Checkpoint.manifestName)
      let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoint.folder.path)) ?? []
      func facts(_ url: URL) -> [FileAttributeKey: Any]? { try? FileManager.default.attributesOfItem(atPath: url.path) }
      return Save(
        name: checkpoint.folder.lastPathComponent, step: checkpoint.step,
        bytes: names.reduce(0) {
          $0 + ((facts(checkpoint.folder.appendingPathComponent($1))?[.size] as? Int) ?? 0)
        }, time: facts(manifest)?[.modificationDate] as? Date)
    }
    return (saves, newest.checkpoint.flatMap { try? $0.state() })
  }

  private static func parameters(_ configuration: RunConfiguration?) -> (Int?, Int?) {
    guard let configuration else { return (nil, nil) }
    let view = configuration.data.shownView
    func count(_ path: String, _ role: BuiltInRole) -> Int? {
      if path.isEmpty { return try? ModelBlueprint(builtIn: role, view: view).configuration.parameterCount }
      return try? ModelFolder(URL(fileURLWithPath: path)).configuration.parameterCount
    }
    let student =
      configuration.student.shape.isEmpty
      ? count(configuration.student.path, .student)
      : try? ModelBlueprint(shape: URL(fileURLWithPath: configuration.student.shape), view: view)
        .configuration.parameterCount
    let hasTeacher = configuration.objective.needsTeacher && configuration.teacher.store.isEmpty
    return (student, hasTeacher ? count(configuration.teacher.path, .teacher) : nil)
  }
}
