import Autograd
import Tensors

/// The part of a padded image that shows something: its first rows and columns of patches.
public struct PatchExtent: Equatable, Sendable {
  public var rows: Int
  public var columns: Int

  public init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
  }
}

/// A batch without padding: sequences laid end to end.
public struct ModelInput<Element: Scalar> {
  /// [images, 3, height, width], channel-first and normalised, in the order of their `<image>` tokens; may be 0 images.
  /// For LLaVA-NeXT the tiles of all images, one image's after another's.
  public var pixels: Tensor<Element>
  /// The valid part of each image; nil = all images are full.
  public var extents: [PatchExtent]?
  /// Each image's size before it was cut into tiles; needed by LLaVA-NeXT alone.
  public var imageSizes: [ImageSize]?
  /// All sequences' token ids, `<image>` tokens in place.
  public var ids: [Int]
  /// Rows of `ids` of each sequence.
  public var sequences: Segments
  /// Rotary position of each id; nil = 0, 1, 2, ... within each sequence, and in each branch on from the common beginning.
  public var positions: [Int]?
  /// Per sequence, the rows of conversations that share its beginning and do not see each other; nil = none.
  public var branches: [[Range<Int>]]?
  /// One byte per row, 0 = padding that is computed but that no other row sees; nil = none. Not for use with a cache.
  public var visibleRows: [UInt8]?

  public init(
    pixels: Tensor<Element>, extents: [PatchExtent]? = nil, imageSizes: [ImageSize]? = nil, ids: [Int],
    sequences: Segments, positions: [Int]? = nil, branches: [[Range<Int>]]? = nil, visibleRows: [UInt8]? = nil
  ) {
    self.pixels = pixels
    self.extents = extents
    self.imageSizes = imageSizes
    self.ids = ids
    self.sequences = sequences
    self.positions = positions
    self.branches = branches
    self.visibleRows = visibleRows
  }

  /// Rotary positions of all rows.
  var rotaryPositions: [Int] {
    positions
      ?? (0..<sequences.count).flatMap { sequence -> [Int] in
        let branches = branches?[sequence] ?? []
        guard let common = branches.first?.lowerBound else { return Array(0..<sequences[sequence].count) }
        return Array(0..<common) + branches.flatMap { branch in branch.indices.map { common + $0 - branch.lowerBound } }
      }
  }

  /// The last row of every conversation: of each branch, and of each sequence without branches.
  public var lastRows: [Int] {
    (0..<sequences.count).flatMap { sequence -> [Int] in
      let rows = sequences[sequence]
      let branches = branches?[sequence] ?? []
      return branches.isEmpty ? [rows.upperBound - 1] : branches.map { rows.lowerBound + $0.upperBound - 1 }
    }
  }

  /// Number of images, or of tiles.
  public var images: Int { pixels.shape.first ?? 0 }
}

/// What a forward pass gives.
public struct ModelOutput<Element: Scalar> {
  /// [sequences.total, text width]: hidden states after the final norm.
  public let hidden: Variable<Element>
  /// [images * tokens per image, text width]: the connector's output.
  public let visual: Variable<Element>
  /// Rows of `visual` of each image.
  public let visualTokens: Segments

  public init(hidden: Variable<Element>, visual: Variable<Element>, visualTokens: Segments) {
    self.hidden = hidden
    self.visual = visual
    self.visualTokens = visualTokens
  }
}

/// Receives the intermediate states of a forward pass by name: "vision.patch_conv", "vision.embeddings",
/// "vision.pre_layernorm" (CLIP), "vision.layer.<i>", "vision.post_layernorm" (SigLIP), "projector.linear_1" (LLaVA),
/// "connector" (per image or tile), "image_features" (LLaVA-NeXT, tiles joined), "text.embeddings" (images merged in), "text.layer.<i>", and what its attention
/// compares, rotary positions applied: "text.queries.<i>" [rows, heads * width], "text.keys.<i>".
public typealias StateObserver<Element: Scalar> = (_ name: String, _ state: Variable<Element>) -> Void
