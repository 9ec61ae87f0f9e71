import Foundation
import Tensors

/// A picture in memory: 8 bits each of red, green and blue, rows from the top.
public struct RasterImage: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// Shape [height][width][3].
  public var pixels: [UInt8]

  /// Largest width and height, cairo's own limit.
  public static let largestSide = 16_384
  /// Most pixels an image that is read may announce (a guard against damaged or hostile files).
  public static let mostPixels = 100_000_000

  /// - Precondition: `pixels` holds width x height x 3 bytes.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0 && pixels.count == width * height * 3, "three bytes per pixel")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Red, green and blue of a pixel, x to the right and y downwards. - Precondition: inside the image.
  public subscript(x: Int, y: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
    let at = (y * width + x) * 3
    return (pixels[at], pixels[at + 1], pixels[at + 2])
  }

  /// Writes a PNG file.
  /// - Throws: `UserError` (input/output) where the file cannot be written.
  public func writePNG(to file: URL) throws {
    try CairoCanvas(self).writePNG(to: file)
  }

  /// Reads a PNG file; transparent parts lie on white paper.
  /// - Throws: `UserError` (bad input) where the file is missing, damaged or too large.
  public static func readPNG(_ file: URL) throws -> RasterImage {
    try checkHeader(file)
    return try CairoCanvas(png: file).image()
  }

  /// Looks at signature and size before any pixel is decoded.
  private static func checkHeader(_ file: URL) throws {
    guard let handle = try? FileHandle(forReadingFrom: file) else {
      throw UserError(.badInput, "\(file.path): no such image, or not readable", remedy: "check path and permissions")
    }
    defer { try? handle.close() }
    let head = [UInt8]((try? handle.read(upToCount: 24)) ?? Data())
    guard head.count == 24, head.prefix(8).elementsEqual([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
      throw UserError(.badInput, "\(file.path): not a PNG image", remedy: "convert the image to PNG")
    }
    func side(_ at: Int) -> Int { head[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
    guard side(16) > 0, side(20) > 0, side(16) <= largestSide, side(20) <= largestSide,
      side(16) * side(20) <= mostPixels
    else {
      throw UserError(
        .badInput, "\(file.path): an image of \(side(16)) x \(side(20)) pixels is not read",
        remedy: "scale it to at most \(mostPixels / 1_000_000) million pixels")
    }
  }
}
