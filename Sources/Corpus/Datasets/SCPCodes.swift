import Foundation

/// The `scp_codes` column of PTB-XL: a Python dictionary of statement code to likelihood in percent.
///
/// A likelihood of 0 means that none was given, not that the statement is absent.
struct SCPCodes: Equatable {
  let likelihoods: [String: Double]

  /// Reads a literal like `{'NORM': 100.0, 'SR': 0.0}`; nil when it is none.
  init?(literal: String) {
    var text = Substring(literal)
    func skip(_ character: Character) -> Bool {
      text = text.drop { $0.isWhitespace }
      guard text.first == character else { return false }
      text.removeFirst()
      return true
    }
    guard skip("{") else { return nil }
    var likelihoods: [String: Double] = [:]
    while !skip("}") {
      guard likelihoods.isEmpty || skip(",") else { return nil }
      if !likelihoods.isEmpty, skip("}") { break }
      let quote: Character = skip("'") ? "'" : "\""
      guard quote == "'" || skip("\""), let end = text.firstIndex(of: quote) else { return nil }
      let code = String(text[..<end])
      text = text[text.index(after: end)...]
      guard skip(":") else { return nil }
      text = text.drop { $0.isWhitespace }
      let number = text.prefix { "+-.0123456789eE".contains($0) }
      guard let likelihood = Double(number), likelihood.isFinite else { return nil }
      likelihoods[code] = likelihood
      text = text[number.endIndex...]
    }
    guard text.allSatisfy(\.isWhitespace) else { return nil }
    self.likelihoods = likelihoods
  }
}
