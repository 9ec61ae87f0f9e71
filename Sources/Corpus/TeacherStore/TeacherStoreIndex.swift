import Foundation
import Tensors

/// `index.json` of a teacher store: what it holds, of which teacher, made from what (docs/teacher-store.md).
public struct TeacherStoreIndex: Codable, Sendable, Equatable {
  /// The format that this version writes and reads.
  public static let newest = 1

  /// The model the states come from.
  public struct Teacher: Codable, Sendable, Equatable {
    public var name: String
    /// Tells its weights from any other's.
    public var digest: String
    /// Layers of the decoder.
    public var layers: Int
    /// Dt and Dv.
    public var hiddenWidth: Int
    public var visualWidth: Int
    public var vocabulary: Int
    /// SHA-256 of its tokenizer file.
    public var tokenizer: String

    public init(
      name: String, digest: String, layers: Int, hiddenWidth: Int, visualWidth: Int, vocabulary: Int, tokenizer: String
    ) {
      self.name = name
      self.digest = digest
      self.layers = layers
      self.hiddenWidth = hiddenWidth
      self.visualWidth = visualWidth
      self.vocabulary = vocabulary
      self.tokenizer = tokenizer
    }
  }

  /// A file of the store.
  public struct File: Codable, Sendable, Equatable {
    public var name: String
    public var bytes: Int
    public var sha256: String
  }

  public var format = newest
  public var teacher: Teacher
  /// What the states were made from, by name; a run compares those it knows.
  public var fingerprint: [String: String]
  /// Of the states: F32 or BF16.
  public var elementType: String
  /// Decoder layers kept beside the last hidden states, counted from 1.
  public var layers: [Int]
  /// Whether the layers' attention scores and the embeddings are kept.
  public var attention: Bool
  /// Variants of each record; the first is the record as it is.
  public var variants: Int
  /// Part k holds the samples k * samplesPerPart ..< (k + 1) * samplesPerPart.
  public var samplesPerPart: Int
  public var samples: [String]
  /// In order; empty in the plan of a store that is being written.
  public var parts: [File] = []
  /// The output head; a store without one serves methods that need no logits.
  public var head: File?

  public init(
    teacher: Teacher, fingerprint: [String: String], elementType: String, layers: [Int], attention: Bool, variants: Int,
    samplesPerPart: Int, samples: [String]
  ) {
    self.teacher = teacher
    self.fingerprint = fingerprint
    self.elementType = elementType
    self.layers = layers
    self.attention = attention
    self.variants = variants
    self.samplesPerPart = samplesPerPart
    self.samples = samples
  }

  public var partCount: Int { (samples.count + samplesPerPart - 1) / samplesPerPart }
  public var bytesPerElement: Int { elementType == BFloat16.safetensorsType ? 2 : 4 }

  /// Positions of a part's samples.
  public func samples(ofPart part: Int) -> Range<Int> {
    part * samplesPerPart..<min(samples.count, (part + 1) * samplesPerPart)
  }

  public static func partName(_ part: Int) -> String { "part-" + String(format: "%05d", part) + ".safetensors" }
  public static let headName = "head.safetensors"

  /// SHA-256 of everything but the files: equal for equal states.
  public func digest() throws -> String {
    var plan = self
    (plan.parts, plan.head) = ([], nil)
    return Digest.sha256(try plan.json())
  }

  public func json() throws -> Data { try reportJSON() }

  /// Reads and checks an index.
  /// - Parameter store: the folder it belongs to.
  /// - Throws: `UserError` (bad input) naming the file and the first byte or field that is wrong.
  public init(contentsOf url: URL, store: URL) throws {
    func broken(_ why: String) -> UserError {
      UserError(
        .badInput, "\(url.path) is no sound index of a teacher store: \(why)", remedy: Self.lost(url, of: store))
    }
    guard let data = try? Data(contentsOf: url) else {
      throw UserError(.inputOutput, "\(url.path) cannot be read", remedy: "check the path and its permissions")
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do { self = try decoder.decode(Self.self, from: data) } catch let error as DecodingError {
      do { _ = try JSONValue(parsing: data, file: url.path) } catch let syntax as UserError {
        throw UserError(.badInput, syntax.message, remedy: Self.lost(url, of: store))
      }
      throw broken(Self.reason(error))
    }
    if let problem { throw broken(problem) }
  }

  /// What to do about an index that cannot be used. Nothing is thrown away for the user: a mended index makes the parts
  /// sound again, which may have taken a teacher days.
  static func lost(_ index: URL, of store: URL) -> String {
    "put \(index.lastPathComponent) back from a copy of the store. Without it nothing tells which parts are sound: to "
      + "have all of them written again, remove the folder \(store.path), then start what wrote it (`evl-dist teach` "
      + "with the same settings)"
  }

  private static func reason(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      context.codingPath.isEmpty ? "" : context.codingPath.map(\.stringValue).joined(separator: ".") + ": "
    }
    return switch error {
    case .keyNotFound(let key, let context): "\(place(context))\(key.stringValue) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      place(context) + context.debugDescription
    @unknown default: "\(error)"
    }
  }

  /// What is wrong with the values; nil where they can be used.
  private var problem: String? {
    if format != Self.newest { return "it has format \(format), this version knows \(Self.newest)" }
    if !["F32", "BF16"].contains(elementType) { return "element_type is \(elementType), expected F32 or BF16" }
    let counts = [
      ("teacher.layers", teacher.layers), ("teacher.hidden_width", teacher.hiddenWidth),
      ("teacher.visual_width", teacher.visualWidth), ("teacher.vocabulary", teacher.vocabulary),
      ("variants", variants), ("samples_per_part", samplesPerPart),
    ]
    if let (name, value) = counts.first(where: { !(1...1 << 40).contains($0.1) }) { return "\(name) is \(value)" }
    if let layer = layers.first(where: { !(1...teacher.layers).contains($0) }) {
      return "layers holds \(layer), the teacher has \(teacher.layers)"
    }
    if Set(layers).count != layers.count { return "layers holds one twice" }
    if samples.isEmpty { return "it holds no sample" }
    if Set(samples).count != samples.count { return "a sample is named twice" }
    if let name = samples.first(where: { StoredSample.view(ofName: $0) == nil }) {
      return "\"\(name)\" is no sample; expected RECORD/QUESTION or ENTRY/conversation"
    }
    let files = parts + (head.map { [$0] } ?? [])
    if let file = files.first(where: { $0.name.isEmpty || $0.name.hasPrefix(".") || $0.name.contains("/") }) {
      return "\"\(file.name)\" is no name of a file in the store"
    }
    if let file = files.first(where: { $0.bytes < 0 || $0.sha256.count != 64 }) {
      return "\(file.name) has no sound size or SHA-256"
    }
    return nil
  }

  /// What tells the store that another plan describes from this one's, a line each.
  public func differences(from other: TeacherStoreIndex) -> [String] {
    func differ<T: Equatable>(_ name: String, _ path: KeyPath<TeacherStoreIndex, T>) -> String? {
      self[keyPath: path] == other[keyPath: path]
        ? nil : "\(name): the store has \(other[keyPath: path]), expected \(self[keyPath: path])"
    }
    let pair = samples.count == other.samples.count ? zip(other.samples, samples).first { $0 != $1 } : nil
    let exchanged = pair.map { "samples: the store has \($0) where \($1) is expected" }
    return other.differences(fromExpected: fingerprint)
      + [
        differ("the teacher's weights and settings", \.teacher.digest),
        differ("the teacher's tokenizer", \.teacher.tokenizer),
        differ("the teacher's visual width", \.teacher.visualWidth), differ("the teacher's layers", \.teacher.layers),
        differ("the teacher's vocabulary", \.teacher.vocabulary),
        differ("the teacher's width", \.teacher.hiddenWidth), differ("element type", \.elementType),
        differ("layers", \.layers), differ("attention", \.attention), differ("variants", \.variants),
        differ("samples per part", \.samplesPerPart), differ("number of samples", \.samples.count), exchanged,
      ].compactMap { $0 }
  }

  /// Fields of the fingerprint that are not as expected, a line each; fields that nobody expects are not compared.
  public func differences(fromExpected expected: [String: String]) -> [String] {
    expected.sorted { $0.key < $1.key }.compactMap { name, value in
      SettingsText.difference(fingerprint[name], value).map { "\(name): \($0)" }
    }
  }
}
