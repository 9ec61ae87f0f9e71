import ArgumentParser
import Corpus
import Foundation
import Tensors

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Lines on standard input to JSON lists of ids on standard output, and back with --decode.")

  @Option(help: "Folder with tokenizer.json.") var tokenizer: String
  @Flag(help: "JSON lists of ids to text.") var decode = false

  func run() throws {
    let tokenizer = try BytePairTokenizer(contentsOf: URL(fileURLWithPath: tokenizer))
    var number = 0
    while let line = readLine(strippingNewline: true) {
      number += 1
      if decode {
        guard let ids = try? JSONDecoder().decode([Int32].self, from: Data(line.utf8)) else {
          throw UserError(
            .badInput, "line \(number) of standard input is not a JSON list of ids",
            remedy: "write for instance [12, 7]")
        }
        if let id = ids.first(where: { $0 < 0 || Int($0) >= tokenizer.vocabularySize }) {
          throw UserError(
            .badInput,
            "line \(number) of standard input holds id \(id); the vocabulary has \(tokenizer.vocabularySize)",
            remedy: "use the tokenizer that made the ids")
        }
        print(tokenizer.decode(ids))
      } else {
        print("[" + tokenizer.encode(line).map(String.init).joined(separator: ", ") + "]")
      }
    }
  }
}
