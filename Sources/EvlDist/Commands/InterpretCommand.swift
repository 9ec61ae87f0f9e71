import ArgumentParser
import Cardiology
import Cluster
import Corpus
import Evaluation
import Experiments
import Foundation
import Tensors

struct InterpretCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interpret",
    abstract: "Reads one ECG with a model: a report and superclass probabilities, or the answer to a question.",
    discussion: """
      The answer is printed as it is generated, unless --json is given. A research tool. Its answers are not a diagnosis.
      """)

  @Option(help: "Model folder.") var model: String
  @Option(help: ArgumentHelp("Chat template in place of the folder's own: \(TemplateNote.names).", valueName: "name"))
  var chatTemplate = ""
  @Argument(help: "WFDB record, FILE.hdf5#EXAM, PNG or JPEG picture of an ECG, or synthetic:NUMBER.") var file: String
  @Option(help: "A question of your own instead of the report.") var question: String?
  @Option(help: "Largest number of tokens generated.") var tokens = 96
  @Option(help: "Threads; as many as the process may use when left out.") var threads: Int?
  @Flag(help: "Also tell how long model and tokens took, beside what memory allows.") var timings = false
  @Flag(help: "Result as JSON.") var json = false

  func validate() throws {
    guard question?.allSatisfy(\.isWhitespace) != true else { throw ValidationError("--question is empty") }
    guard (1...100_000).contains(tokens) else { throw ValidationError("--tokens is from 1 to 100000") }
    try ThreadsOption.check(threads)
    try TemplateNote.check(chatTemplate)
  }

  func run() throws {
    ProductLibrary.setThreads(1)
    let team = ThreadTeam(threads: threads ?? UsableProcessors.count)
    let bandwidth = timings ? MemoryBandwidth.measure(threads: team.threads) : 0
    let interpreter = try Interpreter(
      model: URL(fileURLWithPath: model), chatTemplate: chatTemplate, team: team)
    if let remark = interpreter.remark { TemplateNote.tell(remark) }
    let subject = try interpreter.subject(file)
    let asked = question ?? QuestionSet.superclasses.report
    // The question is told with the first words of its answer: errors come first.
    let probabilities = question == nil ? try interpreter.probabilities(of: subject) : nil
    var heading = "\(subject.name): \(asked)\n  "
    let (answer, pace) = try interpreter.answer(asked, about: subject, tokens: tokens) { words in
      tell(heading + words)
      heading = ""
    }
    tell(answer.isEmpty ? heading + "(no answer)\n" : "\n")
    if let probabilities { tell("\n\(table(of: probabilities))\n") }
    tell("A research tool; not a diagnosis.\n")
    let measured =
      timings
      ? InterpretationTimings(
        loading: interpreter.loading, pace: pace, threads: team.threads, bandwidth: bandwidth) : nil
    if let measured { tell("\n\(measured.text())\n") }
    guard json else { return }
    let whole = Interpreter.Interpretation(
      record: subject.name, question: asked, answer: answer, probabilities: probabilities, timings: measured)
    print(try whole.json())
  }

  /// Writes to the terminal at once, where people read.
  private func tell(_ text: String) {
    if !json { FileHandle.standardOutput.write(Data(text.utf8)) }
  }

  private func table(of probabilities: [String: Double]) -> String {
    var table = TextTable()
    table.heading("Superclass", "p(yes)", "")
    for superclass in Superclass.allCases {
      let value = probabilities[superclass.rawValue] ?? .nan
      table.row([
        "\(superclass.rawValue)", String(format: "%.3f", value),
        String(repeating: "▇", count: Int((value.isFinite ? value : 0) * 20)),
      ])
    }
    return table.render()
  }
}
