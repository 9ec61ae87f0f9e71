import Corpus
import Tensors

extension LabelTask {
  /// Codes of SNOMED CT in the headers of the PhysioNet challenge 2020 that stand for the classes of CPSC 2018, with those
  /// that the challenges score as the same.
  static let cpscCodes: KeyValuePairs<String, Set<String>> = [
    "NORM": ["426783006"], "AF": ["164889003"], "I-AVB": ["270492004"], "LBBB": ["164909002", "733534002"],
    "RBBB": ["59118001", "713427006"], "PAC": ["284470004", "63593006"],
    "PVC": ["164884008", "427172004", "17338001"], "STD": ["429622005"], "STE": ["164931005"],
  ]

  /// The nine classes of CPSC 2018 in WFDB records whose headers name diagnoses; records of none of them are left out.
  /// - Throws: `UserError` where no record shows any of the nine.
  public init(cpsc folder: DiagnosedFolder) throws {
    let labelled = folder.records.map { record in
      let codes = Set(record.diagnoses.map(\.code))
      return (id: record.id, gold: Set(Self.cpscCodes.filter { !codes.isDisjoint(with: $0.value) }.map(\.key)))
    }
    let left = labelled.filter { $0.gold.isEmpty }.map(\.id)
    guard left.count < labelled.count else {
      throw UserError(
        .badInput, "\(folder.name): none of the \(labelled.count) records shows any of the nine classes of CPSC 2018",
        remedy: "give a folder of records whose headers name diagnoses by SNOMED CT codes")
    }
    let space = LabelSpace.cpsc2018
    self.init(
      name: "cpsc-2018", space: space, subset: folder.name,
      items: labelled.filter { !$0.gold.isEmpty }.map { Self.item($0.id, $0.gold, space) },
      remarks: folder.remarks
        + (left.isEmpty
          ? []
          : ["\(left.count) records show none of the nine classes and are left out: \(UserError.some(left))"]),
      leftOut: left + folder.undiagnosed)
  }

  /// The scored diagnoses of a PhysioNet challenge that occur in a folder, those scored as the same in one class.
  ///
  /// A record that shows none of them counts as a negative of all.
  /// - Throws: `UserError` where no record shows any.
  public init(name: String, diagnoses folder: DiagnosedFolder) throws {
    let shown = Set(folder.records.flatMap { $0.diagnoses.map(\.code) })
    let groups = folder.scoredClasses.filter { group in group.contains { shown.contains($0.code) } }
    guard !groups.isEmpty else {
      throw UserError(
        .badInput, "\(folder.name): no record shows a diagnosis of dx_mapping_scored.csv",
        remedy: "put that table of the PhysioNet challenge beside the records, or above")
    }
    let space = LabelSpace(challenge: groups)
    if let label = firstRepeated(space.classes) {
      throw UserError(
        .badInput, "\(folder.name): two scored diagnoses are abbreviated \(label) in dx_mapping_scored.csv",
        remedy: "give them abbreviations of their own")
    }
    let items = folder.records.map { record in
      let codes = Set(record.diagnoses.map(\.code))
      let gold = groups.filter { group in group.contains { codes.contains($0.code) } }.map(LabelSpace.label)
      return Self.item(record.id, Set(gold), space)
    }
    let none = items.count { $0.gold.isEmpty }
    self.init(
      name: name, space: space, subset: "\(folder.name), \(groups.count) scored classes", items: items,
      remarks: folder.remarks
        + (none > 0
          ? ["\(none) of \(items.count) records show no scored diagnosis, and count as negatives of all"] : []),
      leftOut: folder.undiagnosed)
  }

  /// The six diagnoses, NORM and ABNORMAL of CODE-15%; resamples draw patients where the table names them, else exams.
  /// - Throws: `UserError` where no exam has them all filled in.
  public init(code15 dataset: CODE15Dataset) throws {
    let space = LabelSpace.code15
    let labelled = dataset.exams.filter { $0.labels != nil }
    let items = labelled.compactMap { exam in
      exam.labels.map { labels in
        LabelItem(
          TextQuestion(id: exam.id, prompt: space.listing, shown: [exam.id]), gold: labels,
          subject: exam.patient.isEmpty ? nil : ECGSample.Group.patient(exam.patient).name)
      }
    }
    guard !items.isEmpty else {
      let empty = dataset.emptyColumns
      throw UserError(
        .badInput,
        "\(dataset.name): none of its \(dataset.exams.count) exams has all of the columns of diagnoses of exams.csv filled in"
          + (empty.isEmpty ? "" : " (\(empty.joined(separator: ", ")): empty throughout)")
          + ", so there is nothing to score against",
        remedy: "take the exams.csv of the published data set, which has them")
    }
    self.init(
      name: "code-15", space: space, subset: dataset.name, items: items, remarks: dataset.remarks,
      leftOut: dataset.exams.filter { $0.labels == nil }.map(\.id), unread: dataset.untraced)
  }

  private static func item(_ id: String, _ gold: Set<String>, _ space: LabelSpace) -> LabelItem {
    LabelItem(TextQuestion(id: id, prompt: space.listing, shown: [id]), gold: gold)
  }
}
