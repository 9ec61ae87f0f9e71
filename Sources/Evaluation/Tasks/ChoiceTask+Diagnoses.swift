import Corpus
import Tensors

extension ChoiceTask {
  private static let letters = ECGBenchScorer.letters
  private static var optionCount: Int { letters.count }

  /// The eight-option form of records with diagnoses: a record's own diagnoses among those of seven others.
  ///
  /// Every list of diagnoses has a rank by a key of the record's name and the list's codes, and the first seven are taken; all
  /// eight stand in the order of another such key. So they are the same in every run and on any number of ranks, and a further
  /// record in the folder changes one option, and only where its list comes before one of the seven. Where fewer than seven
  /// other lists of diagnoses occur that share none with the record's own, single diagnoses of the tables fill up. Diagnoses
  /// that the challenge scores as the same (complete right bundle branch block and right bundle branch block) count as shared.
  /// Source: ECGBench (arXiv 2410.19008), section 3.1, whose own draws are not known.
  /// - Complexity: O(records * distinct lists).
  /// - Throws: `UserError` where the tables hold too few diagnoses for eight options.
  public init(name: String, diagnoses folder: DiagnosedFolder) throws {
    // Lists of the same diagnoses in another order are the same.
    let known = Dictionary(
      folder.records.map { (Set($0.diagnoses), Self.text($0.diagnoses)) }, uniquingKeysWith: { first, _ in first })
    let classes = Dictionary(
      folder.scoredClasses.enumerated().flatMap { place, group in group.map { ($0.code, "class \(place)") } },
      uniquingKeysWith: { first, _ in first })
    func candidate(_ diagnoses: Set<Diagnosis>, _ text: String) -> Candidate {
      let codes = diagnoses.map(\.code).sorted().joined(separator: ",")
      return Candidate(
        text: text, codes: codes, key: Self.key(codes), scored: Set(diagnoses.map { classes[$0.code] ?? $0.code }))
    }
    func sorted(_ candidates: [Candidate]) -> [Candidate] {
      candidates.sorted { ($0.codes, $0.text) < ($1.codes, $1.text) }
    }
    let lists = sorted(known.map { candidate($0, $1) })
    let singles = sorted(Set(folder.table).map { candidate([$0], $0.text) })
    let items = try folder.records.map { record in
      let diagnoses = Set(record.diagnoses)
      let own = candidate(diagnoses, known[diagnoses] ?? Self.text(record.diagnoses))
      // An option that names one of the record's own diagnoses, or one scored as the same, would be true in part.
      func isWrong(_ candidate: Candidate) -> Bool { candidate.scored.isDisjoint(with: own.scored) }
      var wrong = Self.first(Self.optionCount - 1, of: lists, for: record.id, "wrong options", isWrong)
      let taken = Set(wrong.map(\.text))
      wrong += Self.first(Self.optionCount - 1 - wrong.count, of: singles, for: record.id, "wrong options") {
        isWrong($0) && !taken.contains($0.text)
      }
      let options = Self.first(Self.optionCount, of: wrong + [own], for: record.id, "options") { _ in true }.map(\.text)
      guard options.count == Self.optionCount, let place = options.firstIndex(of: own.text) else {
        throw UserError(
          .badInput,
          "\(folder.name): records and tables hold \(options.count) lists of diagnoses, 8 options are needed",
          remedy: "put both tables of the PhysioNet challenge beside the records")
      }
      let listed = zip(Self.letters, options).map { "\($0). \($1)" }.joined(separator: "\n")
      return ChoiceItem(
        question: TextQuestion(
          id: record.id,
          prompt:
            "Which of these does the ECG show?\n\(listed)\n\nThe last line of your response should be of the form "
            + "Answer: $LETTER, where LETTER is one of ABCDEFGH.", shown: [record.id]), options: options,
        answer: Self.letters[place])
    }
    self.init(
      name: name, subset: "\(folder.name), eight options drawn by key", items: items, remarks: folder.remarks,
      leftOut: folder.undiagnosed)
  }

  private static func text(_ diagnoses: [Diagnosis]) -> String { diagnoses.map(\.text).joined(separator: ", ") }

  /// What could stand in an option.
  private struct Candidate {
    var text: String
    /// Of its diagnoses, sorted.
    var codes: String
    /// Of the codes.
    var key: UInt64
    /// The classes that its diagnoses are scored in; the code of one that is not scored.
    var scored: Set<String>
  }

  /// The first so many of those that are allowed, or all there are, in the order of a random number each, drawn by the record's
  /// name and their codes, so that none depends on which others there are.
  private static func first(
    _ count: Int, of candidates: [Candidate], for record: String, _ purpose: String, _ isAllowed: (Candidate) -> Bool
  ) -> [Candidate] {
    guard count > 0 else { return [] }
    let sample = key(record)
    var found: [(rank: UInt64, candidate: Candidate)] = []
    for candidate in candidates {
      var random = CounterRandom(seed: 0, purpose: purpose, step: candidate.key, sample: sample)
      let rank = random.next()
      if found.count == count, rank >= found[count - 1].rank { continue }
      guard isAllowed(candidate) else { continue }
      found.insert((rank, candidate), at: found.firstIndex { $0.rank > rank } ?? found.count)
      if found.count > count { found.removeLast() }
    }
    return found.map(\.candidate)
  }

  /// FNV-1a of the name's bytes.
  private static func key(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
