import Foundation
import Tensors

/// The mark that text in UTF-16 begins with.
public enum ByteOrderMark {
  /// - Parameter name: what the data are called in the message.
  /// - Throws: `UserError` (bad input) for text in UTF-16.
  public static func refuseUTF16(_ data: Data, named name: String) throws {
    guard ![[0xFE, 0xFF], [0xFF, 0xFE]].contains(Array(data.prefix(2))) else {
      throw UserError(.badInput, "\(name) is UTF-16 text", remedy: "write the file as UTF-8")
    }
  }
}
