import Foundation
import Tensors
import Training

/// The section `ablation` of a configuration file: which variants of one run are trained and compared.
///
/// Every method is run under every condition with every seed. The file's other sections are the run that all of them vary.
public struct AblationConfiguration: Codable, Sendable, Equatable {
  /// A run with some of its values replaced.
  public struct Variant: Codable, Sendable, Equatable {
    public var name: String
    /// `section.key=value`, as after `--set`.
    public var set: [String]
    /// What the paper has for it, in the paper's own unit; absent: nothing.
    public var paper: Double?

    public init(name: String, set: [String] = [], paper: Double? = nil) {
      (self.name, self.set, self.paper) = (name, set, paper)
    }

    public init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      self.init(
        name: try fields.decode(String.self, forKey: .name),
        set: try fields.decodeIfPresent([String].self, forKey: .set) ?? [],
        paper: try fields.decodeIfPresent(Double.self, forKey: .paper))
    }
  }

  /// A search for the values of some keys: every combination is trained without one of the training folds and scored on it.
  public struct Grid: Codable, Sendable, Equatable {
    public struct Axis: Codable, Sendable, Equatable {
      public var key: String
      public var values: [Double]
    }

    /// Of the training folds, the one that is scored.
    public var fold: Int
    public var seeds: [UInt64]
    /// Name of the method that is varied.
    public var method: String
    /// Name of the condition it is varied under.
    public var condition: String
    public var over: [Axis]
    /// Names of the methods that take over the best values, where they do not set the key themselves.
    public var chosenFor: [String]
  }

  public var seeds: [UInt64]
  /// Name of the method that all others are compared with.
  public var comparedWith: String
  public var methods: [Variant]
  public var conditions: [Variant]
  public var grids: [Grid]
  /// Every run is done once for each of these folds: scored on it, trained (with its teacher) on the others of them. The
  /// answers about all of them are scored together. Empty: `evaluation.fold` and `evaluation.train_folds`.
  public var folds: [Int]
  /// Whether all ranks do one run after the other together, in place of each rank a run of its own: for models that are too
  /// large to be on a node more than once. The results are the same.
  public var together: Bool
  /// Whether the teacher is evaluated, too, where it is at hand; nil: the built-in one is, one that is named, and may be
  /// large, is not.
  public var teacher: Bool?
  /// A sentence that the tables end with.
  public var note: String

  public static let section = "ablation"

  public init(
    seeds: [UInt64], comparedWith: String, methods: [Variant], conditions: [Variant] = [Variant(name: "all")],
    grids: [Grid] = [], folds: [Int] = [], together: Bool = false, teacher: Bool? = nil, note: String = ""
  ) {
    (self.seeds, self.comparedWith, self.methods, self.conditions) = (seeds, comparedWith, methods, conditions)
    (self.grids, self.folds, self.together, self.teacher, self.note) = (grids, folds, together, teacher, note)
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let seeds = try fields.decode([Int].self, forKey: .seeds)
    guard seeds.allSatisfy({ $0 >= 0 }) else {
      throw DecodingError.dataCorruptedError(forKey: .seeds, in: fields, debugDescription: "a seed is negative")
    }
    self.init(
      seeds: seeds.map(UInt64.init),
      comparedWith: try fields.decode(String.self, forKey: .comparedWith),
      methods: try fields.decode([Variant].self, forKey: .methods),
      conditions: try fields.decodeIfPresent([Variant].self, forKey: .conditions) ?? [Variant(name: "all")],
      grids: try fields.decodeIfPresent([Grid].self, forKey: .grids) ?? [],
      folds: try fields.decodeIfPresent([Int].self, forKey: .folds) ?? [],
      together: try fields.decodeIfPresent(Bool.self, forKey: .together) ?? false,
      teacher: try fields.decodeIfPresent(Bool.self, forKey: .teacher),
      note: try fields.decodeIfPresent(String.self, forKey: .note) ?? "")
  }

  /// Reads the section of a file, with assignments to its keys.
  ///
  /// - Throws: `UserError` (usage) for a file without the section, an unknown key or a value of another kind, and for names
  ///   and numbers that fit nothing.
  public init(file: URL, assignments: [String]) throws {
    guard let data = try ConfigurationLoader().section(Self.section, of: file, assignments: assignments) else {
      throw UserError(
        .usage, "\(file.path) has no section \(Self.section)",
        remedy: "begin from configs/ptb-xl-ablation.yaml, which explains it")
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do { self = try decoder.decode(Self.self, from: data) } catch let error as DecodingError {
      throw UserError(
        .usage, "\(file.path), \(Self.section): \(Self.words(error))", remedy: "docs/ablation.md lists its keys")
    }
    try refuseUnknownKeys(in: data, of: file)
    try validate(file)
  }

  private static func words(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context, _ last: String? = nil) -> String {
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue } + (last.map { [$0] } ?? [])
      return path.joined(separator: ".").replacing(".[", with: "[")
    }
    return switch error {
    case .keyNotFound(let key, let context): "\(place(context, key.stringValue)) is missing"
    case .valueNotFound(_, let context): "\(place(context)) is empty"
    case .typeMismatch(let type, let context): "\(place(context)) is not \(kind(type))"
    case .dataCorrupted(let context): "\(place(context)): \(context.debugDescription)"
    @unknown default: "\(error)"
    }
  }

  /// A type in words.
  private static func kind(_ type: Any.Type) -> String {
    switch type {
    case is String.Type: "a text"
    case is any Sequence.Type: "a list, such as [1, 2]"
    case is any BinaryInteger.Type: "a whole number"
    case is Bool.Type: "true or false"
    default: "of the kind \(type)"
    }
  }

  /// Whatever is not found again when the section is written anew was not read.
  private func refuseUnknownKeys(in data: Data, of file: URL) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let known = try JSONSerialization.jsonObject(with: try encoder.encode(self))
    if let key = Self.stranger(in: try JSONSerialization.jsonObject(with: data), known: known, path: Self.section) {
      throw UserError(.usage, "\(file.path): unknown key \(key)", remedy: "docs/ablation.md lists the keys")
    }
  }

  private static func stranger(in found: Any, known: Any?, path: String) -> String? {
    if let found = found as? [String: Any] {
      guard let known = known as? [String: Any] else { return path }
      return found.sorted { $0.key < $1.key }.lazy.compactMap { key, value in
        value is NSNull
          ? nil : known[key].map { stranger(in: value, known: $0, path: "\(path).\(key)") } ?? "\(path).\(key)"
      }.first
    }
    guard let found = found as? [Any], let known = known as? [Any], found.count == known.count else { return nil }
    return zip(found, known).enumerated().lazy.compactMap { index, pair in
      stranger(in: pair.0, known: pair.1, path: "\(path)[\(index)]")
    }.first
  }

  private func validate(_ file: URL) throws {
    var rules: [(holds: Bool, problem: String)] = [
      (!seeds.isEmpty && Set(seeds).count == seeds.count, "seeds holds no seed, or one twice"),
      (
        methods.contains { $0.name == comparedWith },
        "compared_with is \"\(comparedWith)\", which is none of the methods"
      ), (folds.count != 1 && Set(folds).count == folds.count, "folds holds a single fold, or one twice"),
      (folds.isEmpty || grids.isEmpty, "folds and grids are both given; the values of a grid are chosen on one fold"),
    ]
    rules += Self.rules("methods", methods)
    rules += Self.rules("conditions", conditions)
    try require(rules, file, remedy: "docs/ablation.md lists the keys")
    // Behind the others, as they refer to these.
    try require(
      grids.enumerated().flatMap { self.rules($1, name: "grids[\($0)]") } + choices, file,
      remedy: "docs/ablation.md lists the keys; --set 'ablation.grids=[]' leaves out all grids")
  }

  private func require(_ rules: [(holds: Bool, problem: String)], _ file: URL, remedy: String) throws {
    let problems = rules.filter { !$0.holds }.map(\.problem)
    guard problems.isEmpty else {
      throw UserError(
        .usage, "\(file.path), \(Self.section): " + problems.joined(separator: "; "), remedy: remedy)
    }
  }

  private static func rules(_ key: String, _ variants: [Variant]) -> [(holds: Bool, problem: String)] {
    let folders = variants.map { AblationPlan.folderName($0.name) }
    return [
      (!variants.isEmpty, "\(key) is empty"),
      (Set(folders).count == folders.count, "two of \(key) have the same name"),
      (
        folders.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && $0.utf8.count <= 100 },
        "a name among \(key) has no letter or digit, or is longer than 100 characters"
      ),
    ]
  }

  /// One value for each key of a method.
  private var choices: [(holds: Bool, problem: String)] {
    let chosen = grids.flatMap { grid in
      Set(grid.chosenFor).flatMap { name in grid.over.map { "\($0.key) of \(name)" } }
    }
    let twice = Set(chosen.filter { value in chosen.count { $0 == value } > 1 }).sorted()
    return [(twice.isEmpty, "two grids choose \(twice.joined(separator: ", "))")]
  }

  private func rules(_ grid: Grid, name: String) -> [(holds: Bool, problem: String)] {
    let names = Set(methods.map(\.name))
    return [
      (!grid.seeds.isEmpty && Set(grid.seeds).count == grid.seeds.count, "\(name).seeds holds no seed, or one twice"),
      (names.contains(grid.method), "\(name).method is \"\(grid.method)\", which is none of the methods"),
      (
        conditions.contains { $0.name == grid.condition },
        "\(name).condition is \"\(grid.condition)\", which is none of the conditions"
      ),
      (names.isSuperset(of: grid.chosenFor), "\(name).chosen_for names something else than methods"),
      (
        !grid.over.isEmpty && grid.over.allSatisfy { !$0.values.isEmpty && Set($0.values).count == $0.values.count },
        "\(name).over holds a key without values, or a value twice"
      ),
      (Set(grid.over.map(\.key)).count == grid.over.count, "\(name).over holds a key twice"),
    ]
  }
}
