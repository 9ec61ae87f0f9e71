/// The 256 letters that stand for bytes in byte-level vocabularies.
///
/// Printable Latin-1 bytes stand for themselves; the others, in order, for U+0100, U+0101, ... (GPT-2, Radford et al. 2019).
struct ByteAlphabet: Sendable {
  /// The letter of each byte; all lie below U+0144, so that their UTF-8 takes one or two bytes.
  private let letters: [UInt32]
  /// The byte of each letter; nil where the scalar is none.
  private let values: [UInt8?]

  init() {
    var letters: [UInt32] = []
    var next: UInt32 = 0x100
    for byte in UInt32(0)..<256 {
      if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE {
        letters.append(byte)
      } else {
        letters.append(next)
        next += 1
      }
    }
    var values = [UInt8?](repeating: nil, count: Int(next))
    for (byte, letter) in letters.enumerated() { values[Int(letter)] = UInt8(byte) }
    (self.letters, self.values) = (letters, values)
  }

  /// The UTF-8 of a byte's letter.
  func letter(of byte: UInt8) -> [UInt8] {
    let letter = letters[Int(byte)]
    return letter < 0x80 ? [UInt8(letter)] : [UInt8(0xC0 | letter >> 6), UInt8(0x80 | letter & 0x3F)]
  }

  /// Appends the letters of the bytes, as UTF-8.
  func spell(_ bytes: ArraySlice<UInt8>, into text: inout [UInt8]) {
    for byte in bytes { text += letter(of: byte) }
  }

  /// Appends the bytes that letters stand for; false, and nothing appended, when one of them is no letter.
  func appendBytes(of text: [UInt8], _ range: Range<Int>, to bytes: inout [UInt8]) -> Bool {
    let start = bytes.count
    var position = range.lowerBound
    while position < range.upperBound {
      let (scalar, length) = text.scalar(at: position)
      guard scalar < values.count, let byte = values[Int(scalar)] else {
        bytes.removeLast(bytes.count - start)
        return false
      }
      bytes.append(byte)
      position += length
    }
    return true
  }
}
