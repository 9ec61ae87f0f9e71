/// What one model is given of a sample.
public struct PreparedInput: Sendable {
  /// Shape [tiles, 3, tile height, tile width], channel-first: the tiles of all images, one image's after another's.
  public let pixels: [Float]
  /// The layout of each image; empty for text alone.
  public let images: [ImageGeometry]
  public let conversation: TokenizedConversation
  /// Where a teacher store holds the states of this input; nil for a model that runs.
  public let stored: StoredSample?
  /// How many of the stored visual tokens it sees, the first ones; nil for all, and for a model that runs.
  public let visualTokens: Int?

  /// - Precondition: as many pixels as the images have; tiles of one size.
  public init(pixels: [Float], images: [ImageGeometry], conversation: TokenizedConversation) {
    precondition(
      pixels.count == images.reduce(0) { $0 + $1.tiles * 3 * $1.tile.width * $1.tile.height },
      "the pixels of every tile")
    precondition(images.allSatisfy { $0.tile == images[0].tile }, "tiles of one size")
    self.pixels = pixels
    self.images = images
    self.conversation = conversation
    stored = nil
    visualTokens = nil
  }

  /// The input of a teacher that ran before: its tokens alone.
  /// - Parameter visualTokens: as the property.
  public init(stored: StoredSample, conversation: TokenizedConversation, visualTokens: Int? = nil) {
    pixels = []
    images = []
    self.conversation = conversation
    self.stored = stored
    self.visualTokens = visualTokens
  }

  /// Tiles of all images together.
  public var tiles: Int { images.reduce(0) { $0 + $1.tiles } }
}

/// What a trainer needs of a sample, whatever it was made from.
public protocol TrainingSample: Sendable {
  /// What errors call it.
  var name: String { get }
  /// Position in the sample order.
  var position: Int { get }
  var epoch: Int { get }
  /// Whether the answers are used; without it both sides end before their answers.
  var isLabelled: Bool { get }
  var student: PreparedInput { get }
  /// Nil without a teacher.
  var teacher: PreparedInput? { get }
}

/// How large an input is, as its memory goes.
public struct InputSize: Sendable, Equatable {
  /// Tiles of all images together.
  public var tiles: Int
  public var tokens: Int
  /// Tokens that are learned.
  public var answerTokens: Int

  public init(tiles: Int, tokens: Int, answerTokens: Int) {
    self.tiles = tiles
    self.tokens = tokens
    self.answerTokens = answerTokens
  }

  init(_ input: PreparedInput) {
    self.init(tiles: input.tiles, tokens: input.conversation.ids.count, answerTokens: input.conversation.answerTokens)
  }
}

/// The sizes of a sample; the teacher's is absent where none runs.
public typealias SampleSize = (student: InputSize, teacher: InputSize?)

/// Where a trainer gets its samples from.
///
/// A sample is a pure function of its position: any rank, thread or resumed run that asks for a position gets the same
/// numbers. Positions without end are visited epoch after epoch.
public protocol SampleSource: Sendable {
  associatedtype Sample: TrainingSample
  /// The sample at a position of the order.
  /// - Throws: `UserError` naming the file, record or entry at fault.
  func prepare(position: Int) throws -> Sample
  /// Samples whose sizes stand for all of them.
  var telling: Int { get }
  /// How large the sample at a position is.
  /// - Throws: as `prepare(position:)`.
  func size(position: Int) throws -> SampleSize
}

extension SampleSource {
  /// Samples that are made alike differ by a few tokens.
  public var telling: Int { 1 }

  public func size(position: Int) throws -> SampleSize {
    let sample = try prepare(position: position)
    return (InputSize(sample.student), sample.teacher.flatMap { $0.stored == nil ? InputSize($0) : nil })
  }

  /// The samples of one shard of a step, in order.
  /// - Throws: as `prepare(position:)`.
  public func prepare(step: Int, shard: Int, plan: ShardPlan) throws -> [Sample] {
    try plan.positions(step: step, shard: shard).map { try prepare(position: $0) }
  }
}
