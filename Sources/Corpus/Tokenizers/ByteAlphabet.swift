/// The 256 letters that stand for bytes in byte-level vocabularies.
///
/// Printable Latin-1 bytes stand for themselves; the others, in order, for U+0100, U+0101, ... (GPT-2, Radford et al. 2019).
struct ByteAlphabet: Sendable {
  let letters: [Unicode.Scalar]
  private let values: [Unicode.Scalar: UInt8]

  init() {
    var letters: [Unicode.Scalar] = []
    var next: UInt32 = 0x100
    for byte in UInt8.min...UInt8.max {
      if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE {
        letters.append(Unicode.Scalar(byte))
      } else {
        letters.append(Unicode.Scalar(next) ?? "\u{FFFD}")
        next += 1
      }
    }
    self.letters = letters
    values = Dictionary(uniqueKeysWithValues: zip(letters, UInt8.min...UInt8.max))
  }

  /// The letters of a text's UTF-8 bytes.
  func spell(_ scalars: some Sequence<Unicode.Scalar>) -> Scalars {
    scalars.flatMap { UTF8.encode($0).map { Array($0) } ?? [] }.map { letters[Int($0)] }
  }

  /// The bytes that letters stand for; nil when one of them is outside the alphabet.
  func bytes(of token: Scalars) -> [UInt8]? {
    var bytes: [UInt8] = []
    for scalar in token {
      guard let byte = values[scalar] else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
