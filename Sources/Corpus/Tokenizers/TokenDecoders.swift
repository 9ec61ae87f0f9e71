import Foundation
import Tensors

/// A step that turns token texts back into plain text (`decoder` of tokenizer.json).
protocol TokenDecoder: Sendable {
  func decode(_ tokens: [Scalars]) -> [Scalars]
}

/// Byte-level letters back to bytes, and the bytes of all tokens together to text.
struct ByteLevelDecoder: TokenDecoder {
  let alphabet = ByteAlphabet()

  func decode(_ tokens: [Scalars]) -> [Scalars] {
    var bytes: [UInt8] = []
    for token in tokens {
      // A token with any letter outside the alphabet (a special token) stands for its own text.
      bytes += alphabet.bytes(of: token) ?? Array(String(token).utf8)
    }
    return [Scalars(String(decoding: bytes, as: UTF8.self).unicodeScalars)]
  }
}

/// Every occurrence of one string replaced by another, token by token.
struct ReplacingDecoder: TokenDecoder {
  let pattern: Scalars
  let replacement: Scalars
  func decode(_ tokens: [Scalars]) -> [Scalars] {
    tokens.map { $0.replacingOccurrences(of: pattern, with: replacement) }
  }
}

/// Runs of `<0xNN>` tokens back to the text of their bytes; one replacement character a byte where they are none.
struct ByteFallbackDecoder: TokenDecoder {
  func decode(_ tokens: [Scalars]) -> [Scalars] {
    var result: [Scalars] = []
    var pending: [UInt8] = []
    func flush() {
      guard !pending.isEmpty else { return }
      let text = String(validating: pending, as: UTF8.self)
      result.append(text.map { Scalars($0.unicodeScalars) } ?? Scalars(repeating: "\u{FFFD}", count: pending.count))
      pending = []
    }
    for token in tokens {
      if let byte = Self.byte(of: token) {
        pending.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  private static func byte(of token: Scalars) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".unicodeScalars), token[5] == ">" else { return nil }
    return UInt8(String(token[3..<5]), radix: 16)
  }
}

/// All tokens joined into one.
struct FusingDecoder: TokenDecoder {
  func decode(_ tokens: [Scalars]) -> [Scalars] { [Scalars(tokens.joined())] }
}

/// Up to `start` leading and `stop` trailing occurrences of one scalar removed from every token.
struct StrippingDecoder: TokenDecoder {
  let content: Unicode.Scalar
  let start: Int
  let stop: Int
  func decode(_ tokens: [Scalars]) -> [Scalars] {
    tokens.map { token in
      let leading = token.prefix(start).prefix { $0 == content }.count
      let rest = token[leading...]
      let trailing = rest.reversed().prefix(stop).prefix { $0 == content }.count
      return Scalars(rest.dropLast(trailing))
    }
  }
}

/// Several decoders, one after another.
struct DecoderSequence: TokenDecoder {
  let steps: [any TokenDecoder]
  func decode(_ tokens: [Scalars]) -> [Scalars] { steps.reduce(tokens) { $1.decode($0) } }
}

extension TokenizerFile {
  /// The decoder of the file; nil when it names none.
  func decoder(_ value: JSONValue?) throws -> (any TokenDecoder)? {
    guard let value, !value.isNull else { return nil }
    switch try type(of: value, in: "decoder") {
    case "ByteLevel": return ByteLevelDecoder()
    case "Replace":
      let (pattern, replacement) = try replacement(value, in: "decoder")
      return ReplacingDecoder(pattern: pattern, replacement: replacement)
    case "ByteFallback": return ByteFallbackDecoder()
    case "Fuse": return FusingDecoder()
    case "Strip":
      let content = Scalars(try text(value, "content").unicodeScalars)
      guard content.count == 1, let start = value["start"]?.integer, let stop = value["stop"]?.integer, start >= 0,
        stop >= 0
      else { throw damaged("the Strip decoder needs one character and two counts") }
      return StrippingDecoder(content: content[0], start: start, stop: stop)
    case "Sequence": return DecoderSequence(steps: try list(value, "decoders").compactMap { try decoder($0) })
    case let other: throw unsupported("decoder \"\(other)\"")
    }
  }
}
