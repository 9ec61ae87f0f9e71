import ArgumentParser
import Corpus
import Foundation

/// What commands that ask one model say of its chat template.
enum TemplateNote {
  /// The templates that `--chat-template` knows.
  static var names: String { ChatTemplate.all.map(\.name).joined(separator: ", ") }

  static func check(_ name: String) throws {
    guard name.isEmpty || ChatTemplate.all.contains(where: { $0.name == name }) else {
      throw ValidationError("--chat-template \(name): there is \(names)")
    }
  }

  /// A line on standard error, so that the result on standard output stays as it is.
  static func tell(_ remark: String) { FileHandle.standardError.write(Data("note: \(remark)\n".utf8)) }
}
