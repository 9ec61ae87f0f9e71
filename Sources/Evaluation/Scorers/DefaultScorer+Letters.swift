import Corpus

extension DefaultScorer {
  /// The letter chosen from `options` (lettered A, B, ... in order); nil where none, or more than one, can be read.
  ///
  /// In order: a letter that is the whole answer, in any case ("b", "**B**", "(b)."); what stands behind "Answer:" begins with
  /// a letter; a letter in `\boxed{}`; a letter behind the last "answer", "correct option" or "correct choice"; a letter
  /// behind "choose" or "select"; a letter behind "option" or "choice" that the text begins with or a colon follows; the text
  /// begins with a letter set off ("B.", "(B)", "B:", "B,"); the only letter set off anywhere; the only option named in full.
  /// The first of these that finds letters decides; where it finds several ("A or B", two boxes that differ) nothing is read.
  /// Letters that the text rejects ("not A", "A is wrong") are not set off. Small letters count behind "Answer:" and, behind
  /// "is" or a sign, behind the words above; an article ("A normal ECG") is no letter.
  public static func letter(in text: String, options: [String]) -> String? {
    let letters = (0..<min(options.count, 26)).map { String(UnicodeScalar(UInt8(65 + $0))) }
    let answer = answer(in: text)
    let (whole, part) = (LetterReading(text, letters), LetterReading(answer, letters))
    let ways: [() -> Set<String>] = [
      { part.lone }, { answer == text ? [] : part.leading(inAnyCase: true) }, { part.boxed }, { whole.boxed },
      { whole.cued }, { whole.chosen }, { whole.optionNamed }, { whole.leading(inAnyCase: false) },
    ]
    for way in ways {
      let found = way()
      if !found.isEmpty { return found.count == 1 ? found.first : nil }
    }
    let setOff = whole.setOff
    if setOff.count == 1 { return whole.isListed(setOff) ? nil : setOff.first }
    let named = Self.options(options, in: text)
    guard setOff.isEmpty, named.count == 1, let only = named.first, let place = options.firstIndex(of: only),
      letters.indices.contains(place)
    else { return nil }
    return letters[place]
  }
}
