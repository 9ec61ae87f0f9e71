import Cardiology
import Tensors

/// Width and height in pixels.
public struct PixelSize: Sendable, Equatable, Hashable {
  public var width: Int
  public var height: Int

  /// - Precondition: both are positive.
  public init(width: Int, height: Int) {
    precondition(width > 0 && height > 0, "an image has pixels")
    self.width = width
    self.height = height
  }

  /// The size an image is to be brought to, where memory can hold it: a line of pixels has a shape that a few processors
  /// blow up without limit.
  /// - Throws: `UserError` of kind badInput naming both sizes.
  func reachable(from image: PixelSize) throws -> PixelSize {
    guard width <= RasterImage.mostPixels / height else {
      throw UserError(
        .badInput,
        "an image of \(image.width) x \(image.height) pixels would have to be made \(width) x \(height)",
        remedy: "leave out images that are this narrow")
    }
    return self
  }
}

/// How an image is laid out in a model's input: known from its size alone, before a pixel is made.
public struct ImageGeometry: Sendable, Equatable {
  /// The image as it came.
  public let original: PixelSize
  /// Width and height of each tile.
  public let tile: PixelSize
  /// Rows and columns that the image is cut into; 0 where it is shown as one tile.
  public let rows: Int
  public let columns: Int

  public init(original: PixelSize, tile: PixelSize, rows: Int = 0, columns: Int = 0) {
    self.original = original
    self.tile = tile
    self.rows = rows
    self.columns = columns
  }

  /// Tiles of the input, the whole image among them.
  public var tiles: Int { rows * columns + 1 }

  /// The pixels of each tile that show the image, from the top left. The processors of this program fill their tiles, so
  /// no pixel is to be masked; what LLaVA-NeXT pads, its model takes out by the original size.
  public var extents: [PixelSize] { Array(repeating: tile, count: tiles) }
}

/// An image as a vision tower takes it.
public struct ProcessedImage: Sendable {
  /// Shape [tiles, 3, tile height, tile width], channel-first.
  public let pixels: [Float]
  public let geometry: ImageGeometry

  /// - Precondition: as many pixels as the geometry says.
  public init(pixels: [Float], geometry: ImageGeometry) {
    precondition(
      pixels.count == geometry.tiles * 3 * geometry.tile.width * geometry.tile.height, "the pixels of every tile")
    self.pixels = pixels
    self.geometry = geometry
  }
}

/// From bytes to the numbers a vision tower was trained on: (x rescale - mean) / deviation, channel by channel.
///
/// x rescale is formed in double and rounded to float, the rest in float, as transformers does with numpy.
public struct PixelScaling: Sendable, Equatable {
  /// Factor of the bytes; nil leaves them at 0 ... 255.
  public var rescale: Double?
  /// Mean and standard deviation of red, green and blue after rescaling; nil leaves the values as they are.
  public var normalisation: Normalisation?

  /// Mean and standard deviation of red, green and blue.
  public struct Normalisation: Sendable, Equatable {
    public var mean: [Double]
    public var deviation: [Double]

    /// - Precondition: three of each; no deviation is 0.
    public init(mean: [Double], deviation: [Double]) {
      precondition(mean.count == 3 && deviation.count == 3 && !deviation.contains(0), "one number a colour")
      self.mean = mean
      self.deviation = deviation
    }

    /// Idefics3's and SmolVLM's: -1 ... 1.
    public static let idefics3 = Normalisation(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])

    /// That of models which begin with random weights. ECGs drawn at 256 to 512 pixels a side have a mean of 0.92 to 0.96 and
    /// a deviation of 0.17 to 0.19 in each colour; with blank paper at 1 in place of near 0 such a model learns next to
    /// nothing from them (docs/results.md, "Image view").
    public static let ecgPaper = Normalisation(mean: [0.95, 0.95, 0.95], deviation: [0.18, 0.18, 0.18])
  }

  public init(rescale: Double? = 1.0 / 255, normalisation: Normalisation? = nil) {
    self.rescale = rescale
    self.normalisation = normalisation
  }

  /// The colour whose pixels become about 0: the mean in bytes, rounded down.
  var background: [UInt8] {
    normalisation.map { $0.mean.map { UInt8(max(0, min(255, $0 * 255))) } } ?? [0, 0, 0]
  }

  /// What each byte becomes in a channel.
  func values(channel: Int) -> [Float] {
    (0...255).map { byte in
      let value = rescale.map { Float(Double(byte) * $0) } ?? Float(byte)
      return normalisation.map { (value - Float($0.mean[channel])) / Float($0.deviation[channel]) } ?? value
    }
  }

  /// Channel-first pixels of tiles of one size, shape [tiles, 3, height, width].
  func pixels(of tiles: [RasterImage]) -> [Float] {
    let tables = (0..<3).map(values)
    var result: [Float] = []
    result.reserveCapacity(tiles.reduce(0) { $0 + $1.pixels.count })
    for tile in tiles {
      for channel in 0..<3 {
        let table = tables[channel]
        for place in stride(from: channel, to: tile.pixels.count, by: 3) {
          result.append(table[Int(tile.pixels[place])])
        }
      }
    }
    return result
  }
}
