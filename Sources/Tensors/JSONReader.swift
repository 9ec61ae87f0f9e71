/// Recursive-descent parser of RFC 8259 over UTF-8 bytes.
struct JSONReader {
  let bytes: [UInt8]
  let file: String
  /// Whether half a surrogate pair reads as U+FFFD, in place of being refused.
  var replacesHalfPairs = false
  var position = 0
  var depth = 0

  mutating func document() throws -> JSONValue {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    let value = try self.value()
    skipSpace()
    guard position == bytes.count else { throw failure("text after the end of the document") }
    return value
  }

  func failure(_ what: String) -> UserError {
    UserError(
      .badInput, "\(file): not valid JSON at byte \(position): \(what)",
      remedy: "fetch the file again; it is damaged or cut short")
  }

  var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
  }

  mutating func expect(_ text: StaticString, _ value: JSONValue) throws -> JSONValue {
    let matches = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
    guard matches else { throw failure("unknown word") }
    position += text.utf8CodeUnitCount
    return value
  }

  mutating func value() throws -> JSONValue {
    skipSpace()
    guard let byte = current else { throw failure("the text ends early") }
    switch byte {
    case UInt8(ascii: "{"): return try nested { try $0.objectBody() }
    case UInt8(ascii: "["): return try nested { try $0.arrayBody() }
    case UInt8(ascii: "\""): return .string(try text())
    case UInt8(ascii: "t"): return try expect("true", .bool(true))
    case UInt8(ascii: "f"): return try expect("false", .bool(false))
    case UInt8(ascii: "n"): return try expect("null", .null)
    default: return try number()
    }
  }

  mutating func nested(_ body: (inout JSONReader) throws -> JSONValue) throws -> JSONValue {
    guard depth < 128 else { throw failure("nested too deeply") }
    depth += 1
    position += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  /// After a member: true at the closing bracket, false at a comma.
  mutating func ends(with bracket: UInt8) throws -> Bool {
    skipSpace()
    guard let byte = current, byte == bracket || byte == UInt8(ascii: ",") else { throw failure("a comma is missing") }
    position += 1
    return byte == bracket
  }

  /// Whether the bracket closes at once, an empty array or object.
  mutating func isEmpty(_ bracket: UInt8) -> Bool {
    skipSpace()
    guard current == bracket else { return false }
    position += 1
    return true
  }

  mutating func arrayBody() throws -> JSONValue {
    var values: [JSONValue] = []
    if isEmpty(UInt8(ascii: "]")) { return .array(values) }
    repeat { values.append(try value()) } while try !ends(with: UInt8(ascii: "]"))
    return .array(values)
  }

  mutating func objectBody() throws -> JSONValue {
    var pairs: [(key: String, value: JSONValue)] = []
    if isEmpty(UInt8(ascii: "}")) { return .object(pairs) }
    repeat {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw failure("a key is missing") }
      let key = try text()
      skipSpace()
      guard current == UInt8(ascii: ":") else { throw failure("a colon is missing") }
      position += 1
      pairs.append((key, try value()))
    } while try !ends(with: UInt8(ascii: "}"))
    return .object(pairs)
  }

  mutating func number() throws -> JSONValue {
    let start = position
    // Most numbers are ids: a few digits.
    var whole = 0
    while let byte = current, byte >= 0x30, byte <= 0x39, position - start < 15 {
      whole = whole * 10 + Int(byte - 0x30)
      position += 1
    }
    if position > start, let byte = current, byte == 0x2C || byte == 0x7D || byte == 0x5D || byte <= 0x20 {
      return .integer(whole)
    }
    position = start
    while let byte = current, "+-.0123456789eE".utf8.contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if let value = Int(text) { return .integer(value) }
    if let value = Double(text), value.isFinite { return .number(value) }
    position = start
    throw failure(
      Double(text) == nil ? "a value is expected" : "the number \(text.prefix(20)) is beyond a double's range")
  }

  mutating func text() throws -> String {
    position += 1
    let start = position
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
    if current == UInt8(ascii: "\"") {
      guard let text = String(validating: bytes[start..<position], as: UTF8.self) else {
        throw failure("a string is not UTF-8")
      }
      position += 1
      return text
    }
    var content = Array(bytes[start..<position])
    while let byte = current {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else { throw failure("a string is not UTF-8") }
        return text
      case UInt8(ascii: "\\"): content.append(contentsOf: try escape())
      case 0..<0x20: throw failure("a control character within a string")
      default: content.append(byte)
      }
    }
    throw failure("a string does not end")
  }

  mutating func escape() throws -> [UInt8] {
    guard let byte = current else { throw failure("the text ends early") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw failure("unknown escape")
    }
  }

  mutating func unicodeEscape() throws -> [UInt8] {
    var code = try hexDigits()
    if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: [0x5C, 0x75]) {
      let next = position
      position += 2
      let low = try hexDigits()
      if (0xDC00..<0xE000).contains(low) {
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      } else {
        position = next
      }
    }
    guard let scalar = Unicode.Scalar(code) ?? (replacesHalfPairs ? "\u{FFFD}" : nil) else {
      throw failure("half a surrogate pair")
    }
    return Array(String(Character(scalar)).utf8)
  }

  mutating func hexDigits() throws -> UInt32 {
    guard position + 4 <= bytes.count,
      let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw failure("four hexadecimal digits are expected") }
    position += 4
    return code
  }
}
