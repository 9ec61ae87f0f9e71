import Tensors

/// Which of C labels each of N records carries: the truth, or a hard prediction.
///
/// Every metric refers to records by id, so that a message can name the record at fault.
public struct LabelTable: Sendable, Equatable {
  /// The C labels, in the order of the columns.
  public let classes: [String]
  /// The N record ids, each once.
  public let ids: [String]
  /// [record][class], row-major.
  let bits: [Bool]

  /// A table from the bits of each record.
  ///
  /// - Throws: `UserError` for an id that occurs twice or a row of another width than `classes`.
  public init(classes: [String], ids: [String], rows: [[Bool]]) throws {
    try requireTable(classes: classes, ids: ids, widths: rows.map(\.count))
    self.classes = classes
    self.ids = ids
    bits = rows.flatMap { $0 }
  }

  /// A table from the set of labels of each record.
  ///
  /// - Throws: `UserError` for an id that occurs twice, or a label that is not among `classes`.
  public init(classes: [String], ids: [String], sets: [Set<String>]) throws {
    let known = Set(classes)
    for (id, labels) in zip(ids, sets) {
      if let stray = labels.subtracting(known).min() {
        throw UserError(
          .badInput, "record \(id): label \"\(stray)\" is not one of \(classes.joined(separator: ", "))",
          remedy: "correct the label, or score with the task it belongs to")
      }
    }
    try self.init(classes: classes, ids: ids, rows: sets.map { labels in classes.map(labels.contains) })
  }

  /// Whether record `record` carries class `column`.
  public subscript(record: Int, column: Int) -> Bool { bits[record * classes.count + column] }

  /// The labels of one record.
  public func labels(ofRecord record: Int) -> Set<String> {
    Set(classes.indices.filter { self[record, $0] }.map { classes[$0] })
  }

  /// How many records carry each class, in the order of `classes`.
  public var positives: [Int] {
    classes.indices.map { column in ids.indices.count { self[$0, column] } }
  }
}

/// A score of each of C classes for each of N records; larger means more likely.
public struct ScoreTable: Sendable, Equatable {
  public let classes: [String]
  public let ids: [String]
  /// [record][class], row-major, all finite.
  let values: [Double]

  /// - Throws: `UserError` naming record and class for a score that is not finite, for an id that occurs twice and for
  ///   a row of another width than `classes`.
  public init(classes: [String], ids: [String], rows: [[Double]]) throws {
    try requireTable(classes: classes, ids: ids, widths: rows.map(\.count))
    for (id, row) in zip(ids, rows) {
      if let column = row.firstIndex(where: { !$0.isFinite }) {
        throw UserError(
          .badInput, "record \(id): the score of \(classes[column]) is \(row[column])",
          remedy: "scores must be finite numbers; look for an overflow in the model that made them")
      }
    }
    self.classes = classes
    self.ids = ids
    values = rows.flatMap { $0 }
  }

  public subscript(record: Int, column: Int) -> Double { values[record * classes.count + column] }

  /// Refuses scores outside 0...1, which are no probabilities.
  public func requireProbabilities() throws {
    guard let place = values.firstIndex(where: { $0 < 0 || $0 > 1 }) else { return }
    throw UserError(
      .badInput,
      "record \(ids[place / classes.count]): the probability of \(classes[place % classes.count]) is \(values[place])",
      remedy: "probabilities lie between 0 and 1")
  }

  /// The hard prediction score >= threshold.
  public func thresholded(at threshold: Double = 0.5) -> LabelTable {
    LabelTable(unchecked: classes, ids, values.map { $0 >= threshold })
  }
}

extension LabelTable {
  /// For bits taken from a table that was already checked.
  init(unchecked classes: [String], _ ids: [String], _ bits: [Bool]) {
    self.classes = classes
    self.ids = ids
    self.bits = bits
  }
}

private func requireTable(classes: [String], ids: [String], widths: [Int]) throws {
  guard ids.count == widths.count else {
    throw UserError(.badInput, "\(ids.count) record ids for \(widths.count) rows")
  }
  if let label = firstRepeated(classes) { throw UserError(.badInput, "class \"\(label)\" is listed twice") }
  if let id = firstRepeated(ids) {
    throw UserError(.badInput, "record \(id) occurs twice", remedy: "keep one row for each record")
  }
  if let row = widths.firstIndex(where: { $0 != classes.count }) {
    throw UserError(.badInput, "record \(ids[row]): \(widths[row]) values for \(classes.count) classes")
  }
}

/// The first element that was seen before; nil when all differ.
func firstRepeated(_ names: [String]) -> String? {
  var seen = Set<String>()
  return names.first { !seen.insert($0).inserted }
}

/// Refuses two tables that do not hold the same records and classes in the same order.
func requireSameRecords(_ ids: [String], _ classes: [String], _ otherIDs: [String], _ otherClasses: [String]) throws {
  guard classes == otherClasses else {
    throw UserError(
      .badInput,
      "truth has the classes \(classes.joined(separator: ", ")), prediction \(otherClasses.joined(separator: ", "))")
  }
  guard ids.count == otherIDs.count else {
    throw UserError(.badInput, "truth has \(ids.count) records, prediction \(otherIDs.count)")
  }
  if let place = ids.indices.first(where: { ids[$0] != otherIDs[$0] }) {
    throw UserError(.badInput, "row \(place + 1): truth is for record \(ids[place]), prediction for \(otherIDs[place])")
  }
}
