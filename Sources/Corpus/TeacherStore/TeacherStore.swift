import Foundation
import Synchronization
import Tensors

/// A finished teacher store opened for reading; its parts are mapped when they are first asked for, and processes of a
/// machine share their memory.
///
/// Safe to use from several threads.
public final class TeacherStore: Sendable {
  public static let indexName = "index.json"
  static let workName = "unfinished"

  public let folder: URL
  public let index: TeacherStoreIndex
  /// Position by the sample's name.
  private let positions: [String: Int]
  /// Position of the first sample that sees a view, by the view's name.
  private let firstOfView: [String: Int]
  private let open = Mutex<[String: SafetensorsFile]>([:])

  /// Whether a folder holds a finished store.
  public static func isFinished(_ folder: URL) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent(indexName).path)
  }

  /// Whether a folder holds a store, finished or not.
  public static func isStore(_ folder: URL) -> Bool {
    [indexName, workName].contains {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
    }
  }

  /// Reads the index and compares the sizes of all files with it.
  /// - Throws: `UserError` for a folder without a finished store, or naming the file that is damaged.
  public init(_ folder: URL) throws {
    self.folder = folder
    let file = folder.appendingPathComponent(Self.indexName)
    guard FileManager.default.fileExists(atPath: file.path) else {
      guard Self.isStore(folder) else {
        throw UserError(
          .inputOutput, "\(folder.path) is no teacher store: it holds no \(Self.indexName)",
          remedy: "write one with `evl-dist teach --set teacher.store=PATH`, or check the path")
      }
      throw UserError(
        .badInput, "the teacher store \(folder.path) is not finished",
        remedy: "run `evl-dist teach` again with the same settings: it goes on where it stopped")
    }
    index = try TeacherStoreIndex(contentsOf: file, store: folder)
    guard index.parts.count == index.partCount else {
      throw UserError(
        .badInput,
        "\(file.path) names \(index.parts.count) parts; \(index.samples.count) samples, \(index.samplesPerPart) a part, "
          + "take \(index.partCount)", remedy: TeacherStoreIndex.lost(file, of: folder))
    }
    positions = Dictionary(uniqueKeysWithValues: index.samples.enumerated().map { ($1, $0) })
    firstOfView = Dictionary(
      index.samples.enumerated().compactMap { position, name in
        StoredSample.view(ofName: name).map { ($0, position) }
      }, uniquingKeysWith: min)
    for file in files { try checkSize(file) }
  }

  var files: [TeacherStoreIndex.File] { index.parts + (index.head.map { [$0] } ?? []) }

  func damaged(_ why: String) -> UserError {
    UserError(
      .badInput, "the teacher store \(folder.path) is damaged: \(why)",
      remedy: "copy the store again from where it was written; where `evl-dist teach` wrote it, the same command "
        + "mends it and keeps the sound parts, another program's store is to be written again by that program")
  }

  private func checkSize(_ file: TeacherStoreIndex.File) throws {
    let path = folder.appendingPathComponent(file.name).path
    guard let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int else {
      throw damaged("\(file.name) is missing")
    }
    guard size == file.bytes else { throw damaged("\(file.name) has \(size) bytes, the index says \(file.bytes)") }
  }

  public func contains(_ sample: StoredSample) -> Bool { positions[sample.name] != nil }

  /// The file of the output head, `head` [vocabulary, Dt]; nil for a store without one.
  /// - Throws: `UserError` (bad input) for a head of another shape or type than the index says; its numbers are not looked
  ///   at.
  public func head() throws -> SafetensorsFile? {
    guard let name = index.head?.name else { return nil }
    let file = try file(name)
    try demand(
      "head", in: file, [index.teacher.vocabulary, index.teacher.hiddenWidth], types: ["F32", BFloat16.safetensorsType])
    return file
  }

  /// The file that holds a sample's tensors.
  func file(ofSample name: String) throws -> SafetensorsFile {
    guard let position = positions[name] else { throw absent("sample \(name)") }
    return try file(index.parts[position / index.samplesPerPart].name)
  }

  /// The file that holds a view's visual tokens: that of the first sample that sees it.
  func file(ofView view: String) throws -> SafetensorsFile {
    guard let position = firstOfView[view] else { throw absent("visual tokens of \(view)") }
    return try file(index.parts[position / index.samplesPerPart].name)
  }

  private func absent(_ what: String) -> UserError {
    UserError(
      .badInput, "the teacher store \(folder.path) holds no \(what)",
      remedy: "use a store that was written for this run's data, questions and variants")
  }

  private func file(_ name: String) throws -> SafetensorsFile {
    try open.withLock { files in
      if let known = files[name] { return known }
      let file = try SafetensorsFile(contentsOf: folder.appendingPathComponent(name))
      files[name] = file
      return file
    }
  }
}

/// What a store holds of a sample.
extension TeacherStore {
  /// The teacher's token ids of a sample and which of them are answers.
  ///
  /// - Parameter withAnswers: without them the conversation ends before the first answer token.
  /// - Throws: `UserError` (bad input) naming file and sample where they are no two lists of as many sound numbers.
  public func conversation(_ sample: StoredSample, withAnswers: Bool) throws -> TokenizedConversation {
    let file = try file(ofSample: sample.name)
    try demand("answers/\(sample.name)", in: file, [try tokens(of: sample.name, in: file)])
    let ids = try file.integers("ids/\(sample.name)")
    let mask = try file.integers("answers/\(sample.name)")
    guard !ids.isEmpty, ids.allSatisfy({ (0..<index.teacher.vocabulary).contains($0) }),
      mask.allSatisfy({ $0 == 0 || $0 == 1 }), mask[0] == 0, mask.contains(1)
    else {
      throw damaged(
        "\(file.url.lastPathComponent): ids or answers of \(sample.name) are wrong: ids are below "
          + "\(index.teacher.vocabulary), answers 0 or 1, the first 0, and not all 0")
    }
    let end = withAnswers ? ids.count : mask.firstIndex(of: 1) ?? ids.count
    return TokenizedConversation(
      ids: ids[..<end].map(Int32.init),
      labels: zip(ids, mask).prefix(end).map { $1 == 1 ? Int32($0) : TokenizedConversation.ignored })
  }

  /// What a sample's teacher would have been given: its tokens, and where its states lie.
  public func input(_ sample: StoredSample, withAnswers: Bool) throws -> PreparedInput {
    PreparedInput(stored: sample, conversation: try conversation(sample, withAnswers: withAnswers))
  }

  /// A conversation up to its first answer, where some of its images only come behind that.
  ///
  /// - Parameter images: how many come before.
  /// - Throws: as `conversation`, or `UserError` where the ids do not tell the visual tokens of these images.
  func inputBeforeAnswers(_ sample: StoredSample, images: Int) throws -> PreparedInput {
    let kept = try conversation(sample, withAnswers: false)
    return PreparedInput(
      stored: sample, conversation: kept,
      visualTokens: images == 0 ? 0 : try visualTokens(of: sample, among: kept.ids))
  }

  /// How many of a sample's visual tokens stand among its first ids. Which id stands for a visual token the index does
  /// not say: it is the one, no answer, that occurs as often as there are visual tokens.
  private func visualTokens(of sample: StoredSample, among first: [Int32]) throws -> Int {
    let whole = try conversation(sample, withAnswers: true)
    let answers = Set(whole.labels)
    let rows = try visualTokens(of: sample)
    let marks = Dictionary(whole.ids.map { ($0, 1) }, uniquingKeysWith: +)
      .filter { $0.value == rows && !answers.contains($0.key) }.keys
    let counts = Set(marks.map { mark in first.count { $0 == mark } })
    guard counts.count == 1, let count = counts.first else {
      throw UserError(
        .badInput,
        "the teacher store \(folder.path): the ids of \(sample.name) do not tell which of its \(rows) visual tokens "
          + "belong to the images before its first answer",
        remedy: "leave the entry out, set train.labelled to 1, or write the store with one id for each visual token")
    }
    return count
  }

  /// Tokens of a sample, Lt: all its tensors have as many rows.
  func tokens(of name: String, in file: SafetensorsFile) throws -> Int {
    try demand("ids/\(name)", in: file, [nil])
    return try file.entry("ids/\(name)").count
  }

  /// The first rows of a sample's tensor `<kind>/<sample>`, of attention scores as many columns, widened to single
  /// precision.
  ///
  /// - Parameter kind: `hidden.last`, `hidden.<layer>`, `embedding` or `attention.<layer>`.
  /// - Throws: `UserError` (bad input) naming file and tensor where it is absent, has other rows than the sample has ids
  ///   or other columns than the index says (part of another model's states would be read in silence), or what is read
  ///   is not finite.
  public func read(_ kind: String, of sample: StoredSample, into target: Tensor<Float>) throws {
    let (file, tensor) = (try file(ofSample: sample.name), "\(kind)/\(sample.name)")
    let rows = try tokens(of: sample.name, in: file)
    let columns = kind.hasPrefix("attention.") ? rows : index.teacher.hiddenWidth
    try demand(tensor, in: file, [rows, columns], types: [index.elementType])
    try readFinite(tensor, of: file, into: target)
  }

  /// Rows of the visual tokens that a sample sees.
  public func visualTokens(of sample: StoredSample) throws -> Int {
    let (file, tensor) = (try file(ofView: sample.view), "visual/\(sample.view)")
    try demand(tensor, in: file, [nil, index.teacher.visualWidth], types: [index.elementType])
    let rows = try file.entry(tensor).shape[0]
    guard rows > 0 || sample.mayBeTextAlone else { throw unlike(sample, rows: rows, images: 1) }
    return rows
  }

  /// Refuses a sample without visual tokens though it shows images, or with some though it shows none; the index does not
  /// say what a conversation shows.
  /// - Throws: `UserError` (bad input) naming file, sample and tensor.
  public func demandVisualTokens(of sample: StoredSample, images: Int) throws {
    let rows = try visualTokens(of: sample)
    guard (rows > 0) == (images > 0) else { throw unlike(sample, rows: rows, images: images) }
  }

  private func unlike(_ sample: StoredSample, rows: Int, images: Int) -> UserError {
    let shown = images == 0 ? "no image" : images == 1 ? "an image" : "\(images) images"
    let part = (firstOfView[sample.view]).map { index.parts[$0 / index.samplesPerPart].name } ?? ""
    return UserError(
      .badInput,
      "the teacher store \(folder.path), \(part): visual/\(sample.view) has \(rows == 0 ? "no" : "\(rows)") rows, but "
        + "\(sample.name) shows \(shown)",
      remedy: "have the store written again by the program that wrote it, with the visual tokens of all images of a "
        + "sample in its visual/..., [Nt, \(index.teacher.visualWidth)]; Nt is 0 where its request has no images, and "
        + "only there")
  }

  /// The first of the visual tokens that a sample sees, [tokens, Dv], widened to single precision.
  /// - Throws: as `visualTokens`, or where there are fewer or they are not finite.
  public func readVisual(of sample: StoredSample, into target: Tensor<Float>) throws {
    _ = try visualTokens(of: sample)
    try readFinite("visual/\(sample.view)", of: try file(ofView: sample.view), into: target)
  }

  private func readFinite(_ tensor: String, of file: SafetensorsFile, into target: Tensor<Float>) throws {
    try file.readBlock(tensor, into: target)
    guard target.isFinite else { throw notFinite(tensor, in: file) }
  }

  /// A number that is not finite would end the training at the loss, far from where it comes from.
  public func notFinite(_ tensor: String, in file: SafetensorsFile) -> UserError {
    damaged("\(file.url.lastPathComponent): \(tensor) holds NaN or infinity; every number of a store is finite")
  }

  /// Refuses a tensor that is absent, or of another shape or type than the index asks for.
  /// - Parameters:
  ///   - shape: nil where any number will do.
  ///   - types: empty where any will do.
  func demand(_ tensor: String, in file: SafetensorsFile, _ shape: [Int?], types: [String] = []) throws {
    guard let entry = file.entries[tensor] else {
      throw damaged("\(file.url.lastPathComponent) holds no tensor \(tensor)")
    }
    guard types.isEmpty || types.contains(entry.type), entry.shape.count == shape.count,
      zip(entry.shape, shape).allSatisfy({ $1 == nil || $0 == $1 })
    else {
      let expected = "[\(shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", "))]"
      throw damaged(
        "\(file.url.lastPathComponent): \(tensor) is \(entry.type) \(entry.shape), expected "
          + (types.isEmpty ? expected : "\(types.joined(separator: " or ")) \(expected)"))
    }
  }
}
