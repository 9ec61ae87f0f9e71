extension DefaultScorer {
  /// A text without what a model thinks between `<think>` and `</think>` (any case), which is not its answer.
  ///
  /// Thought that does not end goes on to the end of the text; `</think>` alone ends thought that began with the text, as
  /// where the mark that begins it is part of the question.
  /// - Complexity: O(text).
  static func withoutReasoning(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var (kept, part): ([Unicode.Scalar], [Unicode.Scalar]) = ([], [])
    var (place, isThinking) = (0, false)
    while place < scalars.count {
      if begins("<think>", at: place, scalars) {
        if !isThinking { kept += part + [" "] }
        (isThinking, part) = (true, [])
        place += "<think>".unicodeScalars.count
      } else if begins("</think>", at: place, scalars) {
        (isThinking, part) = (false, [])
        place += "</think>".unicodeScalars.count
      } else {
        if !isThinking { part.append(scalars[place]) }
        place += 1
      }
    }
    guard kept.count + part.count < scalars.count else { return text }
    return String(String.UnicodeScalarView(kept + part))
  }

  private static func begins(_ mark: String, at place: Int, _ scalars: [Unicode.Scalar]) -> Bool {
    guard scalars[place] == "<" else { return false }
    var next = place
    for sign in mark.unicodeScalars {
      guard next < scalars.count, scalars[next].properties.lowercaseMapping == String(sign) else { return false }
      next += 1
    }
    return true
  }
}
