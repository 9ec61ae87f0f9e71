import Autograd
import Tensors

/// What a model holds at the peak of its forward and backward beside weights and their gradients, from shapes alone.
///
/// It counts what the operations keep (docs/precision.md) and the largest passing values; small ones are left out.
public struct ActivationMemory: Sendable {
  /// Tiles of all images of a shard.
  public var tiles: Int
  /// Tokens of each sequence, visual tokens included.
  public var lengths: [Int]
  /// Rows whose logits are taken.
  public var logitRows: Int
  public var precision: Precision
  /// Whether blocks keep their inputs alone.
  public var recomputesBlocks: Bool
  /// Whether anything in the vision tower is trained; otherwise nothing of it is kept.
  public var trainsTower: Bool

  public init(
    tiles: Int, lengths: [Int], logitRows: Int, precision: Precision = .f32, recomputesBlocks: Bool = false,
    trainsTower: Bool = true
  ) {
    self.tiles = tiles
    self.lengths = lengths
    self.logitRows = logitRows
    self.precision = precision
    self.recomputesBlocks = recomputesBlocks
    self.trainsTower = trainsTower
  }

  /// Bytes of a value that is only a side of products.
  private var operand: Int { precision == .bf16 && Precision.isFastInBF16 ? 2 : 4 }
  /// Bytes of the copy that products of a passing value need beside it.
  private var copy: Int { precision == .bf16 ? operand : 0 }
  private var rows: Int { lengths.reduce(0, +) }

  private func pixels(_ c: VisionConfiguration) -> Int { 4 * tiles * c.channels * c.imageSize * c.imageSize }

  private func patches(_ c: VisionConfiguration) -> Int { tiles * c.positionsPerSide * c.positionsPerSide }

  /// Block input and middle, queries, keys, values and attention's output, what enters the activation.
  private func towerBlock(_ c: VisionConfiguration) -> Int {
    patches(c) * (4 * 2 * c.hiddenSize + operand * 4 * c.hiddenSize + 4 * c.intermediateSize)
  }

  /// The same of a decoder block, whose gated unit has two inner values, with probabilities where they are few.
  private func decoderBlock(_ c: DecoderConfiguration) -> Int {
    let (queries, keys) = (c.heads * c.headWidth, c.keyValueHeads * c.headWidth)
    let kept = lengths.filter { $0 * $0 <= 1 << 14 }.reduce(0) { $0 + $1 * $1 }
    return rows * (4 * 2 * c.hiddenSize + operand * (2 * queries + 2 * keys) + 4 * 2 * c.intermediateSize)
      + 4 * c.heads * kept
  }

  /// What passes through the backward of a block: two inner values and their gradients, three of the outer width.
  private func towerPass(_ c: VisionConfiguration) -> Int {
    patches(c) * ((4 + copy) * 2 * c.intermediateSize + (4 + copy) * 3 * c.hiddenSize)
  }

  private func decoderPass(_ c: DecoderConfiguration) -> Int {
    rows * ((4 + copy) * 4 * c.intermediateSize + (4 + copy) * 3 * c.hiddenSize)
  }

  /// Weights that products read in another form than they are kept in, the largest at a time. Trained ones are kept in
  /// both forms, but a processor that does not multiply bfloat16 reads rounded ones in single precision.
  private func weightCopy(_ c: any ModelConfiguration, converted: Int) -> Int {
    guard precision == .bf16, !Precision.isFastInBF16 else { return converted }
    return max(converted, 4 * (c.layout.entries.map(\.range.count).max() ?? 0))
  }

  /// Bytes at the peak of a training step.
  ///
  /// - Parameter converted: bytes of the largest frozen matrix in the form that products read, where it is kept in another.
  public func training(_ c: any ModelConfiguration, converted: Int = 0) -> Int {
    let (vision, text) = (c.vision, c.text)
    let towerInput = 4 * patches(vision) * vision.hiddenSize
    let decoderInput = 4 * rows * text.hiddenSize
    var tower = 0
    if trainsTower { tower = vision.layers * (recomputesBlocks ? towerInput : towerBlock(vision)) }
    let decoder = text.layers * (recomputesBlocks ? decoderInput : decoderBlock(text))
    // Pixels, the same as patches, the tower's result, its rearrangement for the connector, and the visual tokens.
    let between = 2 * pixels(vision) + 2 * towerInput + 2 * decoderInput
    let logits = logitRows * text.vocabularySize * (4 + copy) + 3 * decoderInput
    let top = recomputesBlocks ? decoderBlock(text) + decoderPass(text) : decoderPass(text)
    let atLogits = tower + decoder + max(logits, top)
    let towerTop = trainsTower ? towerPass(vision) + (recomputesBlocks ? towerBlock(vision) : 0) : 0
    let atTower = tower + towerTop
    let frozenTower = trainsTower ? 0 : forwardTower(vision)
    return max(atLogits, atTower, frozenTower) + between + weightCopy(c, converted: converted)
  }

  private func forwardTower(_ c: VisionConfiguration) -> Int {
    patches(c) * ((4 + copy) * 6 * c.hiddenSize + (4 + copy) * 2 * c.intermediateSize)
  }

  /// Bytes at the peak of a forward pass whose values are let go of as soon as they were used.
  ///
  /// - Parameter converted: as for `training`.
  public func forward(_ c: any ModelConfiguration, converted: Int = 0) -> Int {
    let (vision, text) = (c.vision, c.text)
    let decoder = rows * ((4 + copy) * 6 * text.hiddenSize + (4 + copy) * 3 * text.intermediateSize)
    return max(forwardTower(vision), decoder) + logitRows * text.vocabularySize * 4
      + pixels(vision) + 4 * (patches(vision) * vision.hiddenSize + 2 * rows * text.hiddenSize)
      + weightCopy(c, converted: converted)
  }
}
