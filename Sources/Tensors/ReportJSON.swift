import Foundation

extension Encodable {
  /// JSON as this program's files and `--json` hold it: indented, keys in snake case and sorted.
  public func reportJSON() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return try encoder.encode(self)
  }
}
