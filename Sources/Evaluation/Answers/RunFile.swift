/// What the files and folders are called that a run folder holds, and that of an ablation: names that several targets share,
/// of which some write and others read. What one type both writes and reads is named there.
public enum RunFile {
  // MARK: Of a run

  /// The resolved configuration.
  public static let configuration = "config.yaml"
  /// Program, machines and command line of the newest start.
  public static let environment = "environment.json"
  /// The same of every start, one line each.
  public static let starts = "starts.jsonl"
  /// One line a step.
  public static let metrics = "metrics.jsonl"
  public static let checkpoints = "checkpoints"
  /// The trained student's folder.
  public static let student = "student"
  /// The evaluations.
  public static let results = "results.json"

  /// What an evaluated model said of each record. - Parameter model: teacher, before or after.
  public static func answers(of model: String) -> String { "answers-\(model).jsonl" }

  // MARK: Of an ablation

  /// The tables.
  public static let ablation = "ablation.json"
  /// The folder of its runs, and that of the runs of its grids.
  public static let runs = "runs"
  public static let grids = "grids"
  /// What its teachers said of the evaluated records, each set in a folder of its own.
  public static let teacherAnswers = "teacher"
}
