import Cardiology
import Tensors

/// The raw signal as an image: every P x P x 3 cell holds a window of all twelve leads.
///
/// The 10 s are covered by N = (imageSize / P)^2 windows of w = floor(P * P * 3 / 12) samples; window k begins at sample
/// round(k * (1000 - w) / (N - 1)). Within a cell the value of (lead l, sample t) lies at flat place v = l * w + t:
/// channel v / P^2, row (v mod P^2) / P, column v mod P. Places past 12 w are 0. As a patch embedding is linear in the
/// cell, this order is as good as any other.
///
/// Windows are laid out so that an s x s block of cells, which a pixel-shuffle connector joins into one token, holds s*s
/// consecutive windows, row by row; blocks follow one another row by row. With s = 1 cells are in order of time.
///
/// Values are those of `SignalScale`.
public struct SignalView: ECGView {
  public let imageSize: Int
  public let patchSize: Int
  /// s: cells along one side of a connector block.
  public let blockSide: Int
  public let scale: SignalScale
  /// Samples of each lead in a window.
  public let windowSamples: Int
  public let windowCount: Int

  /// Pixel of each window's cell corner, and of each flat place of a cell relative to that corner.
  private let corners: [Int]
  private let places: [Int]

  /// - Throws: `UserError` of kind usage where the image cannot be cut into cells and blocks, or a cell is too small.
  public init(imageSize: Int, patchSize: Int, blockSide: Int, scale: SignalScale = SignalScale()) throws {
    guard patchSize >= 2, imageSize >= patchSize, imageSize % patchSize == 0 else {
      throw UserError(
        .usage, "the signal view cannot cut an image of \(imageSize) into cells of \(patchSize)",
        remedy: "use an image size that is a multiple of the patch size, which is 2 or more")
    }
    let side = imageSize / patchSize
    guard blockSide >= 1, side % blockSide == 0 else {
      throw UserError(
        .usage, "the signal view cannot group \(side) x \(side) cells into blocks of \(blockSide) x \(blockSide)",
        remedy: "use a connector scale factor that divides \(side)")
    }
    guard patchSize * patchSize / 4 <= ConditionedECG.sampleCount else {
      throw UserError(.usage, "the signal view's cells hold more than 10 s", remedy: "use a smaller patch size")
    }
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.blockSide = blockSide
    self.scale = scale
    let area = patchSize * patchSize
    windowSamples = area * 3 / ConditionedECG.leadCount
    windowCount = side * side
    places = (0..<ConditionedECG.leadCount * windowSamples).map { place in
      let (channel, within) = (place / area, place % area)
      return (channel * imageSize + within / patchSize) * imageSize + within % patchSize
    }
    corners = (0..<windowCount).map { window in
      let (row, column) = Self.cell(ofWindow: window, side: side, blockSide: blockSide)
      return (row * imageSize + column) * patchSize
    }
  }

  public var settings: String {
    "signal view, image \(imageSize), patch \(patchSize), block \(blockSide), \(scale.settings)"
  }

  /// None: a cell holds a window of all twelve leads.
  public var leadBoxes: [LeadBox]? { nil }

  /// The first sample of a window. - Precondition: 0 <= window < windowCount.
  public func start(ofWindow window: Int) -> Int {
    guard windowCount > 1 else { return 0 }
    let room = ConditionedECG.sampleCount - windowSamples
    return (2 * window * room + windowCount - 1) / (2 * (windowCount - 1))
  }

  /// Row and column of the cell that holds a window.
  public func cell(ofWindow window: Int) -> (row: Int, column: Int) {
    Self.cell(ofWindow: window, side: imageSize / patchSize, blockSide: blockSide)
  }

  private static func cell(ofWindow window: Int, side: Int, blockSide: Int) -> (row: Int, column: Int) {
    let perBlock = blockSide * blockSide
    let (block, inner) = (window / perBlock, window % perBlock)
    let blocks = side / blockSide
    return (block / blocks * blockSide + inner / blockSide, block % blocks * blockSide + inner % blockSide)
  }

  public func pixelValues(of record: ECGRecord) throws -> [Float] {
    let leads = try scale.values(of: record)
    var pixels = [Float](repeating: 0, count: 3 * imageSize * imageSize)
    for window in 0..<windowCount {
      let (start, corner) = (start(ofWindow: window), corners[window])
      for (lead, samples) in leads.enumerated() {
        let first = lead * windowSamples
        for sample in 0..<windowSamples { pixels[corner + places[first + sample]] = samples[start + sample] }
      }
    }
    return pixels
  }

  /// The windows an image holds, shape [windowCount][12][windowSamples]; the inverse of the packing.
  /// - Precondition: pixels of this view.
  public func windows(of pixels: [Float]) -> [[[Float]]] {
    precondition(pixels.count == 3 * imageSize * imageSize, "pixels of another view")
    return (0..<windowCount).map { window in
      (0..<ConditionedECG.leadCount).map { lead in
        places[lead * windowSamples..<(lead + 1) * windowSamples].map { pixels[corners[window] + $0] }
      }
    }
  }
}
