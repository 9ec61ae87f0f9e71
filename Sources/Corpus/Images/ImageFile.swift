import CImageFiles
import Cardiology
import Foundation
import Tensors

/// PNG and JPEG files as 8-bit RGB.
///
/// The bytes are those of Pillow's `Image.open(file).convert("RGB")`: palettes and grey are spread out, transparency is
/// dropped (not laid over a colour), 16-bit colour keeps its upper byte and 16-bit grey is clipped at 255, gamma, colour
/// profile and EXIF orientation are not applied. What a file is, its first bytes say, not its name.
public enum ImageFile {
  /// The kinds of image that are read.
  public enum Kind: String, Sendable {
    case png = "PNG"
    case jpeg = "JPEG"
  }

  /// Bytes of the largest file that is read.
  public static let mostBytes = 1 << 28

  /// The kind of an image by its first bytes; nil for anything else.
  public static func kind(of bytes: some Collection<UInt8>) -> Kind? {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
    return bytes.starts(with: [0xFF, 0xD8, 0xFF]) ? .jpeg : nil
  }

  /// The kind of a file by its first bytes; nil for anything else, a folder or no file among it.
  public static func kind(of file: URL) -> Kind? {
    let type = try? FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)[.type]
    // Opening a pipe would wait for whoever writes to it.
    guard type as? FileAttributeType == .typeRegular, let handle = try? FileHandle(forReadingFrom: file) else {
      return nil
    }
    defer { try? handle.close() }
    return (try? handle.read(upToCount: 8)).flatMap { kind(of: $0) }
  }

  /// Reads a file.
  /// - Throws: `UserError` naming the file: input/output where it is missing or cannot be read, bad input where it is
  ///   neither PNG nor JPEG, damaged, cut short, or larger than `RasterImage.mostPixels`.
  public static func read(_ file: URL) throws -> RasterImage {
    try decode(try contents(of: file), name: file.path)
  }

  /// Width and height as the file's header says; no pixel is decoded.
  /// - Throws: as `read`, but for damage behind the header.
  public static func size(_ file: URL) throws -> PixelSize {
    let bytes = try contents(of: file)
    return try header(of: bytes, name: file.path).size
  }

  /// Decodes a file's bytes. - Parameter name: what errors call it.
  public static func decode(_ bytes: [UInt8], name: String) throws -> RasterImage {
    let (kind, size) = try header(of: bytes, name: name)
    var pixels = [UInt8](repeating: 0, count: size.width * size.height * 3)
    try call(kind, name: name) { message, capacity in
      kind == .png
        ? image_png_pixels(bytes, bytes.count, &pixels, &message, capacity)
        : image_jpeg_pixels(bytes, bytes.count, &pixels, &message, capacity)
    }
    return RasterImage(width: size.width, height: size.height, pixels: pixels)
  }

  /// What the file is and how large, refused where it cannot be read.
  private static func header(of bytes: [UInt8], name: String) throws -> (kind: Kind, size: PixelSize) {
    guard let kind = kind(of: bytes) else { throw unknown(bytes, name: name) }
    var size = image_size()
    try call(kind, name: name) { message, capacity in
      kind == .png
        ? image_png_size(bytes, bytes.count, &size, &message, capacity)
        : image_jpeg_size(bytes, bytes.count, &size, &message, capacity)
    }
    let (width, height) = (Int(size.width), Int(size.height))
    guard width > 0, height > 0, width <= RasterImage.mostPixels / height else {
      throw UserError(
        .badInput, "\(name): a \(kind.rawValue) image of \(width) x \(height) pixels is not read",
        remedy: "scale it to at most \(RasterImage.mostPixels / 1_000_000) million pixels")
    }
    return (kind, PixelSize(width: width, height: height))
  }

  /// Runs a function of the C library and puts its words into an error.
  private static func call(_ kind: Kind, name: String, _ function: (inout [CChar], Int) -> Int32) throws {
    var message = [CChar](repeating: 0, count: 256)
    guard function(&message, message.count) != 0 else { return }
    let words = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    throw UserError(
      .badInput, "\(name): the \(kind.rawValue) image cannot be decoded (\(words))",
      remedy: "the file is damaged or cut short; fetch or convert it again")
  }

  private static func unknown(_ bytes: [UInt8], name: String) -> UserError {
    let known: [(start: [UInt8], kind: String)] = [
      (Array("GIF8".utf8), "a GIF image"), (Array("BM".utf8), "a BMP image"), (Array("RIFF".utf8), "a WebP image"),
      ([0x49, 0x49, 0x2A, 0], "a TIFF image"), ([0x4D, 0x4D, 0, 0x2A], "a TIFF image"),
      (Array("%PDF".utf8), "a PDF document"), (Array("version https://git-lfs".utf8), "a Git LFS pointer"),
    ]
    let found = known.first { bytes.starts(with: $0.start) }?.kind
    let first = bytes.prefix(8).map { String(format: "%02x", $0) }.joined(separator: " ")
    let what = bytes.isEmpty ? "empty" : found ?? "of an unknown kind (it begins with \(first))"
    return UserError(
      .badInput, "\(name): the file is \(what), neither PNG nor JPEG", remedy: "convert the image to PNG or JPEG")
  }

  private static func contents(of file: URL) throws -> [UInt8] {
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw UserError(.inputOutput, "\(file.path): no such image", remedy: "check the path")
    }
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)
      let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
      guard attributes[.type] as? FileAttributeType == .typeRegular, size <= mostBytes else {
        throw UserError(
          .badInput, "\(file.path): not a regular file of at most \(mostBytes >> 20) MiB", remedy: "check the path")
      }
      return [UInt8](try Data(contentsOf: file))
    } catch let error as UserError { throw error } catch {
      throw UserError(
        .inputOutput, "\(file.path): cannot be read: \(error.localizedDescription)", remedy: "check its permissions")
    }
  }
}
