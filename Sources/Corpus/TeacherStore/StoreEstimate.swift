import Foundation
import Tensors

/// What a teacher store will take on disk, from the lengths of its conversations, or of some of them, alone.
public struct StoreEstimate: Sendable, Equatable {
  /// How many tokens a sample has.
  public struct Lengths: Sendable, Equatable {
    /// Lt.
    public var tokens: Int
    /// Nt: the visual tokens of all its images and their tiles.
    public var visualTokens: Int

    public init(tokens: Int, visualTokens: Int) {
      self.tokens = tokens
      self.visualTokens = visualTokens
    }
  }

  /// Samples that are looked at; of a larger store as many, drawn evenly, stand for all.
  public static let mostSamples = 1024

  /// The samples of a store to be looked at: all of a small one, else `mostSamples`, as if drawn by lot, none twice.
  public static func positions(of samples: Int) -> [Int] {
    guard samples > mostSamples else { return Array(0..<samples) }
    let order = KeyedOrder(seed: 0, count: samples)
    return (0..<mostSamples).map { order.sample(position: $0) }
  }

  /// Bytes of all tensors; headers add a few hundred a tensor.
  public let bytes: Int
  public let samples: Int
  public let parts: Int

  /// - Parameters:
  ///   - plan: the index without files.
  ///   - lengths: of the samples at `positions(of:)`.
  /// - Precondition: there is a sample.
  public init(_ plan: TeacherStoreIndex, lengths: [Lengths]) {
    precondition(!lengths.isEmpty, "a store has samples")
    let (size, width) = (plan.bytesPerElement, plan.teacher.hiddenWidth)
    let views = Set(plan.samples.compactMap { StoredSample.view(ofName: $0) }).count
    let matrices = 1 + plan.layers.count + (plan.attention ? 1 : 0)
    var states = 0
    for length in lengths.map(\.tokens) {
      // Ids take 8 bytes, the answer mask 1.
      states += length * (matrices * width * size + 9)
      if plan.attention { states += plan.layers.count * length * length * size }
    }
    let visual = lengths.reduce(0) { $0 + $1.visualTokens } * plan.teacher.visualWidth * size
    // What that many take, when those looked at take so much.
    func scaled(_ bytes: Int, to count: Int) -> Int {
      bytes / lengths.count * count + bytes % lengths.count * count / lengths.count
    }
    // The head is kept as exact as the teacher has it, in 4 bytes at most.
    bytes =
      scaled(states, to: plan.samples.count) + scaled(visual, to: views) + plan.teacher.vocabulary * width * 4
    samples = plan.samples.count
    parts = plan.partCount
  }

  /// - Throws: `UserError` (input/output) naming both numbers where the disk has too little room.
  public func demandRoom(free: Int, present: Int, in folder: URL) throws {
    guard bytes - present > free else { return }
    throw UserError(
      .inputOutput,
      "the teacher store takes \(Self.text(bytes)) in \(folder.path), headers of the files not counted; "
        + "\(Self.text(present)) are on disk so far, headers counted, and the disk has \(Self.text(free)) free",
      remedy: "name a folder on a larger disk (teacher.store), or store less: teacher.store_type bf16, fewer variants, "
        + "layers or questions")
  }

  /// Bytes free on the disk of a folder that exists.
  public static func free(at folder: URL) throws -> Int {
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)
    guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.intValue else {
      throw UserError(.inputOutput, "the free space of \(folder.path) cannot be read", remedy: "check the path")
    }
    return free
  }

  /// "3.2 GB".
  public static func text(_ bytes: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"]
    var (value, unit) = (Double(bytes), 0)
    while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return unit == 0 ? "\(bytes) B" : String(format: "%.1f ", value) + units[unit]
  }
}

/// How far the writing of a store is.
public struct StoreProgress: Sendable {
  /// Samples done, of all, and of those how many this start found done.
  public var done: Int
  public var samples: Int
  public var found: Int
  public var parts: Int
  public var partsDone: Int
  /// Since this start.
  public var seconds: Double

  public init(done: Int, samples: Int, found: Int, parts: Int, partsDone: Int, seconds: Double) {
    self.done = done
    self.samples = samples
    self.found = found
    self.parts = parts
    self.partsDone = partsDone
    self.seconds = seconds
  }
}
