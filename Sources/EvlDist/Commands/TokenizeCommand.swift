import ArgumentParser
import Corpus
import Foundation
import Tensors

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Lines on standard input to JSON lists of ids on standard output, and back with --decode.",
    discussion: """
      A line ends with a line feed; a carriage return before it belongs to the text. Output follows each piece of input \
      that arrives. Texts that hold line breaks take --json.
      """)

  @Option(help: "Folder with tokenizer.json, or that file.") var tokenizer: String
  @Flag(help: "JSON lists of ids to text.") var decode = false
  @Flag(help: "Texts are JSON strings, one a line.") var json = false
  @Flag(
    name: .customLong("without-special-tokens"),
    help: "Leave out the special tokens that the file's template adds; with --decode, all special tokens.")
  var withoutSpecialTokens = false

  func run() throws {
    let tokenizer = try BytePairTokenizer(contentsOf: URL(fileURLWithPath: tokenizer))
    var input = InputLines()
    var output: [UInt8] = []
    while let lines = input.next() {
      for line in lines {
        if decode {
          let text = tokenizer.decode(
            try ids(line, tokenizer.vocabularySize), skippingSpecialTokens: withoutSpecialTokens)
          output += json ? try quoted(text) : Array(text.utf8)
        } else {
          Self.append(tokenizer.encode(try text(line), addingSpecialTokens: !withoutSpecialTokens), to: &output)
        }
        output.append(UInt8(ascii: "\n"))
      }
      try write(&output)
    }
  }

  private func write(_ output: inout [UInt8]) throws {
    do { try FileHandle.standardOutput.write(contentsOf: Data(output)) } catch {
      throw UserError(
        .inputOutput, "standard output cannot be written: \(error.localizedDescription)",
        remedy: "check free space and the reader at the other end")
    }
    output.removeAll(keepingCapacity: true)
  }

  private func text(_ line: InputLines.Line) throws -> String {
    guard let text = String(validating: line.bytes, as: UTF8.self) else {
      throw UserError(
        .badInput, "line \(line.number) of standard input is not UTF-8",
        remedy: "convert the text, with iconv for instance")
    }
    guard json else { return text }
    guard let parsed = try? JSONDecoder().decode(String.self, from: Data(line.bytes)) else {
      throw UserError(
        .badInput, "line \(line.number) of standard input is not a JSON string",
        remedy: "write for instance \"two\\nlines\", or leave out --json")
    }
    return parsed
  }

  private func quoted(_ text: String) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return Array(try encoder.encode(text))
  }

  /// Reads "[1, 22]".
  private func ids(_ line: InputLines.Line, _ vocabularySize: Int) throws -> [Int32] {
    guard let ids = Self.numbers(line.bytes) else {
      throw UserError(
        .badInput, "line \(line.number) of standard input is not a JSON list of ids",
        remedy: "write for instance [12, 7]")
    }
    if let id = ids.first(where: { $0 < 0 || $0 >= vocabularySize }) {
      throw UserError(
        .badInput, "line \(line.number) of standard input holds id \(id); the vocabulary has \(vocabularySize)",
        remedy: "use the tokenizer that made the ids")
    }
    return ids.map { Int32($0) }
  }

  /// The numbers of a JSON list of whole numbers; nil for anything else.
  static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int]? {
    let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
    var rest = bytes.drop(while: isSpace)
    while let last = rest.last, isSpace(last) { rest.removeLast() }
    guard rest.count >= 2, rest.first == UInt8(ascii: "["), rest.last == UInt8(ascii: "]") else { return nil }
    rest = rest.dropFirst().dropLast().drop(while: isSpace)
    var numbers: [Int] = []
    if rest.isEmpty { return numbers }
    while true {
      let isNegative = rest.first == UInt8(ascii: "-")
      if isNegative { rest.removeFirst() }
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      guard (1...15).contains(digits.count), digits.count == 1 || digits.first != 0x30 else { return nil }
      let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
      numbers.append(isNegative ? -value : value)
      rest = rest.dropFirst(digits.count).drop(while: isSpace)
      guard let comma = rest.first else { return numbers }
      guard comma == UInt8(ascii: ",") else { return nil }
      rest = rest.dropFirst().drop(while: isSpace)
    }
  }

  private static func append(_ ids: [Int32], to output: inout [UInt8]) {
    output.append(UInt8(ascii: "["))
    var digits: [UInt8] = []
    for (index, id) in ids.enumerated() {
      if index > 0 { output += [UInt8(ascii: ","), UInt8(ascii: " ")] }
      var rest = id
      digits.removeAll(keepingCapacity: true)
      repeat {
        digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
        rest /= 10
      } while rest > 0
      output += digits.reversed()
    }
    output.append(UInt8(ascii: "]"))
  }
}

/// Lines of standard input as they arrive, without their line feeds.
private struct InputLines {
  struct Line {
    let number: Int
    let bytes: ArraySlice<UInt8>
  }

  private var open: [UInt8] = []
  private var number = 0
  private var isAtEnd = false

  /// The lines that the next piece of input completes, the last one also without a line feed; nil at the end.
  mutating func next() -> [Line]? {
    guard !isAtEnd else { return nil }
    let piece = FileHandle.standardInput.availableData
    var lines: [Line] = []
    var start = 0
    let searched = open.count
    open += piece
    for position in searched..<open.count where open[position] == UInt8(ascii: "\n") {
      number += 1
      lines.append(Line(number: number, bytes: open[start..<position]))
      start = position + 1
    }
    if piece.isEmpty {
      isAtEnd = true
      if start < open.count { lines.append(Line(number: number + 1, bytes: open[start...])) }
      open = []
    } else if start > 0 {
      open.removeSubrange(0..<start)
    }
    return lines
  }
}
