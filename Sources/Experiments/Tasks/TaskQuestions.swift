import Cluster
import Corpus
import Evaluation
import Foundation
import Tensors

/// Writes what a task asks, for a model that is asked elsewhere and whose answers are scored as predictions.
public struct TaskQuestions {
  private let communicator: any Communicator
  private let source: TaskSource

  public init(communicator: any Communicator, source: TaskSource) {
    self.communicator = communicator
    self.source = source
  }

  /// Collective: writes a JSON object a line (`BenchmarkTask.questionLines`) on rank 0, in one step.
  /// - Returns: how many questions there are.
  /// - Throws: `UserError` (input/output) for a file that cannot be written, found before the data are read; as
  ///   `TaskSource.load`.
  public func write(to file: URL) throws -> Int {
    let output = OutputFile(url: file)
    return try communicator.agree {
      guard communicator.isController else { return 0 }
      try output.check()
      let task = try source.load(readsRecordings: false)
      let chosen = try ChosenQuestions.of(task, namedIn: source.ids, data: source.data)
      try output.write(try chosen.task.questionLines(try source.places()))
      return chosen.task.questions.count
    }
  }
}
