import Foundation
import Tensors

/// A table of comma-separated values with a header row (RFC 4180).
///
/// Quoted fields may hold commas, line ends and doubled quotes; line ends are CRLF, LF or CR. Every row must have as
/// many fields as the header. Written here because errors must name file, line and column, and because bytes that are
/// no UTF-8 (old hospital exports) must not lose the row.
public struct CSVTable: Sendable {
  /// What errors call the table.
  public let file: String
  public let header: [String]
  public let rows: [Row]

  public struct Row: Sendable {
    /// Line of the file on which the row begins, from 1.
    public let line: Int
    public let fields: [String]
  }

  /// - Throws: `UserError` of kind inputOutput where the file cannot be read, badInput where it is no such table.
  public init(contentsOf url: URL) throws {
    let data: Data
    do { data = try Data(contentsOf: url) } catch {
      throw UserError(
        .inputOutput, "\(url.path): cannot be read: \(error.localizedDescription)", remedy: "check path and permissions"
      )
    }
    try self.init(data, file: url.path)
  }

  public init(_ data: Data, file: String) throws {
    try ByteOrderMark.refuseUTF16(data, named: file)
    var reader = CSVReader(bytes: [UInt8](data), file: file)
    guard let header = try reader.row() else {
      throw UserError(.badInput, "\(file): the table is empty", remedy: "fetch the file again")
    }
    var rows: [Row] = []
    while let row = try reader.row() {
      if row.fields == [""] { continue }
      guard row.fields.count == header.fields.count else {
        throw UserError(
          .badInput,
          "\(file), line \(row.line): \(row.fields.count) fields where the header has \(header.fields.count)",
          remedy: "fetch the file again; it is damaged or cut short")
      }
      rows.append(row)
    }
    self.file = file
    self.header = header.fields
    self.rows = rows
  }

  /// The position of a column.
  /// - Throws: `UserError` of kind badInput naming the column where the table has none of that name.
  public func column(_ name: String) throws -> Int {
    guard let column = header.firstIndex(of: name) else {
      throw UserError(
        .badInput, "\(file): there is no column \"\(name)\"",
        remedy: "the columns are \(header.map { $0.isEmpty ? "(unnamed)" : $0 }.joined(separator: ", "))")
    }
    return column
  }

  /// An error about one row.
  func failure(_ row: Row, _ what: String) -> UserError {
    UserError(.badInput, "\(file), line \(row.line): \(what)", remedy: "mend the line or fetch the file again")
  }
}

private struct CSVReader {
  private static let quote = UInt8(ascii: "\"")
  private static let comma = UInt8(ascii: ",")
  private static let lineFeed: UInt8 = 0x0A
  private static let carriageReturn: UInt8 = 0x0D

  let bytes: [UInt8]
  let file: String
  var position: Int
  var line = 1

  init(bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// The next row; nil at the end of the file.
  mutating func row() throws -> CSVTable.Row? {
    guard position < bytes.count else { return nil }
    let first = line
    var fields: [String] = []
    repeat { fields.append(try field()) } while endsWithComma()
    return CSVTable.Row(line: first, fields: fields)
  }

  /// Steps over what ends a field: true for a comma, false for a line end or the end of the file.
  private mutating func endsWithComma() -> Bool {
    guard position < bytes.count else { return false }
    let byte = bytes[position]
    position += 1
    if byte == Self.comma { return true }
    if byte == Self.carriageReturn, position < bytes.count, bytes[position] == Self.lineFeed { position += 1 }
    line += 1
    return false
  }

  private func endsField(_ byte: UInt8) -> Bool {
    byte == Self.comma || byte == Self.lineFeed || byte == Self.carriageReturn
  }

  private mutating func field() throws -> String {
    guard position < bytes.count, bytes[position] == Self.quote else {
      let end = bytes[position...].firstIndex(where: endsField) ?? bytes.count
      defer { position = end }
      return String(decoding: bytes[position..<end], as: UTF8.self)
    }
    return try quotedField()
  }

  private mutating func quotedField() throws -> String {
    let first = line
    var content: [UInt8] = []
    position += 1
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == Self.lineFeed { line += 1 }
      guard byte == Self.quote else {
        content.append(byte)
        continue
      }
      if position < bytes.count, bytes[position] == Self.quote {
        content.append(byte)
        position += 1
        continue
      }
      guard position == bytes.count || endsField(bytes[position]) else {
        throw failure("text after a closing quote", at: line)
      }
      return String(decoding: content, as: UTF8.self)
    }
    throw failure("a quoted field does not end", at: first)
  }

  private func failure(_ what: String, at line: Int) -> UserError {
    UserError(
      .badInput, "\(file), line \(line): \(what)", remedy: "fetch the file again; it is damaged or cut short")
  }
}
