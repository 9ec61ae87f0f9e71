extension DefaultScorer {
  /// The letter chosen from `options` (lettered A, B, ... in order); nil where none, or more than one, can be read.
  ///
  /// In order: a letter that is the whole answer, in any case ("b", "**B**", "(b)."); what stands behind "Answer:"
  /// begins with a letter; a letter in `\boxed{}`; a letter behind the last "answer", "correct option", "best choice" or
  /// the like; a letter behind "choose", "select", "pick" or the like; a letter behind "option" or "choice" that the text begins
  /// with or a colon follows; a letter that is ticked ("[x] B"); the text begins with a letter set off ("B.", "(B)", "B:", "B,");
  /// the only letter set off anywhere; the only one that the text calls right or sets against another ("C is correct",
  /// "C, not A"); the only option named in full.
  /// The first of these that finds letters decides; where it finds several ("A or B", two boxes that differ) nothing is
  /// read. Letters that the text rejects ("not A", "A is wrong", "A: no", "A and B are wrong") are not set off. Small
  /// letters count behind "Answer:" and, behind "is" or a sign, behind the words above; an article ("A normal ECG") is
  /// no letter. Full-width letters are as plain ones, signs without width are passed over, and what stands between
  /// `<think>` tags is no part of the text.
  /// - Complexity: O(text + letters named * (log text + words within reach)).
  public static func letter(in text: String, options: [String]) -> String? {
    let said = withoutReasoning(text)
    let plain = plain(said)
    let answer = answer(in: plain)
    let whole = LetterReading(plain, options)
    let part = answer == plain ? whole : LetterReading(answer, options)
    let ways: [() -> Set<String>] = [
      { part.lone }, { answer == plain ? [] : part.cuedAgain }, { part.boxed }, { whole.boxed },
      { whole.cued }, { whole.chosen }, { whole.optionNamed }, { whole.ticked },
      { whole.leading(inAnyCase: false) },
    ]
    for way in ways {
      let found = way()
      if !found.isEmpty { return found.count == 1 ? found.first : nil }
    }
    let setOff = whole.setOff
    if setOff.count == 1 { return whole.isListed(setOff) ? nil : setOff.first }
    guard setOff.isEmpty else { return nil }
    let meant = whole.meant
    if !meant.isEmpty { return meant.count == 1 && !whole.isListed(meant) ? meant.first : nil }
    let named = Self.options(options, in: said)
    guard named.count == 1, let only = named.first, let place = options.firstIndex(of: only),
      whole.letters.indices.contains(place), !whole.rejected.contains(whole.letters[place])
    else { return nil }
    return whole.letters[place]
  }

  /// A text with plain letters and signs in place of full-width ones, and without signs that show nothing.
  static func plain(_ text: String) -> String {
    guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text }
    let scalars = text.unicodeScalars.lazy.filter { !$0.properties.isDefaultIgnorableCodePoint }
      .map { scalar -> Unicode.Scalar in
        switch scalar {
        case "。": "."
        case "、": ","
        case "\u{FF01}"..."\u{FF5E}": Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar
        default: scalar
        }
      }
    return String(String.UnicodeScalarView(scalars))
  }
}
