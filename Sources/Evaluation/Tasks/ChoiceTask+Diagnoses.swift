import Corpus
import Tensors

extension ChoiceTask {
  private static let letters = ECGBenchScorer.letters
  private static var optionCount: Int { letters.count }

  /// The eight-option form of records with diagnoses: a record's own diagnoses among those of seven others.
  ///
  /// Which others, and the place of the true option, are drawn by a key that is the record's name: the same in every run and
  /// on any number of ranks, as long as the folder holds the same records. Where fewer than seven other lists of diagnoses
  /// occur that share none with the record's own, single diagnoses of the tables fill up. Diagnoses that the challenge scores
  /// as the same (complete right bundle branch block and right bundle branch block) count as shared. Source: ECGBench (arXiv
  /// 2410.19008), section 3.1, whose own draws are not known.
  /// - Complexity: O(records * distinct lists).
  /// - Throws: `UserError` where the tables hold too few diagnoses for eight options.
  public init(name: String, diagnoses folder: DiagnosedFolder) throws {
    // Lists of the same diagnoses in another order are the same.
    let known = Dictionary(
      folder.records.map { (Set($0.diagnoses), Self.text($0.diagnoses)) }, uniquingKeysWith: { first, _ in first })
    let classes = Dictionary(
      folder.scoredClasses.enumerated().flatMap { place, group in group.map { ($0.code, "class \(place)") } },
      uniquingKeysWith: { first, _ in first })
    func scored(_ diagnoses: Set<Diagnosis>) -> Set<String> { Set(diagnoses.map { classes[$0.code] ?? $0.code }) }
    let lists = known.map { Candidate(text: $1, scored: scored($0)) }.sorted { $0.text < $1.text }
    let singles = Set(folder.table).map { Candidate(text: $0.text, scored: scored([$0])) }.sorted { $0.text < $1.text }
    let items = try folder.records.map { record in
      let own = Set(record.diagnoses)
      var random = CounterRandom(seed: 0, purpose: "options", sample: Self.key(record.id))
      // An option that names one of the record's own diagnoses, or one scored as the same, would be true in part.
      let right = scored(own)
      var others = Self.drawn(Self.optionCount - 1, of: lists.filter { $0.scored.isDisjoint(with: right) }, &random)
      let further = singles.filter { $0.scored.isDisjoint(with: right) && !others.contains($0.text) }
      others += Self.drawn(Self.optionCount - 1 - others.count, of: further, &random)
      guard others.count == Self.optionCount - 1 else {
        throw UserError(
          .badInput,
          "\(folder.name): records and tables hold \(others.count + 1) lists of diagnoses, 8 options are needed",
          remedy: "put both tables of the PhysioNet challenge beside the records")
      }
      let place = random.integer(below: Self.optionCount)
      others.insert(known[own] ?? "", at: place)
      let listed = zip(Self.letters, others).map { "\($0). \($1)" }.joined(separator: "\n")
      return ChoiceItem(
        question: TextQuestion(
          id: record.id,
          prompt:
            "Which of these does the ECG show?\n\(listed)\n\nThe last line of your response should be of the form "
            + "Answer: $LETTER, where LETTER is one of ABCDEFGH.", shown: [record.id]), options: others,
        answer: Self.letters[place])
    }
    self.init(name: name, subset: "\(folder.name), eight options drawn by key", items: items, remarks: folder.remarks)
  }

  private static func text(_ diagnoses: [Diagnosis]) -> String { diagnoses.map(\.text).joined(separator: ", ") }

  /// What could stand in a wrong option.
  private struct Candidate {
    var text: String
    /// The classes that its diagnoses are scored in; the code of one that is not scored.
    var scored: Set<String>
  }

  /// The texts of so many of them, or of all there are, in the order in which they are drawn.
  private static func drawn(_ count: Int, of candidates: [Candidate], _ random: inout CounterRandom) -> [String] {
    var left = candidates.map(\.text)
    return (0..<min(count, left.count)).map { _ in left.remove(at: random.integer(below: left.count)) }
  }

  /// FNV-1a of the name's bytes.
  private static func key(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
