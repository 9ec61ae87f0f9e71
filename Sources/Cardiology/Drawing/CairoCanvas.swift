import CCairo
import Foundation
import Tensors

/// A drawing surface of the cairo library; the only file of this target that handles its pointers.
///
/// Coordinates are pixels, origin at the top left, y downwards; opacity is 0 (nothing) to 1 (covers what lies below).
public final class CairoCanvas {
  private let surface: OpaquePointer
  private let context: OpaquePointer
  private let width: Int
  private let height: Int

  /// A white canvas. - Throws: `UserError` (usage) for a size that cannot be drawn.
  public init(width: Int, height: Int) throws {
    guard (1...RasterImage.largestSide).contains(width), (1...RasterImage.largestSide).contains(height) else {
      throw UserError(
        .usage, "an image of \(width) x \(height) pixels cannot be drawn",
        remedy: "choose width and height between 1 and \(RasterImage.largestSide)")
    }
    guard let surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width), Int32(height)),
      let context = cairo_create(surface), cairo_status(context) == CAIRO_STATUS_SUCCESS
    else { throw UserError(.unavailable, "no memory for an image of \(width) x \(height) pixels") }
    self.surface = surface
    self.context = context
    self.width = width
    self.height = height
    fill(.white)
  }

  convenience init(_ image: RasterImage) throws {
    try self.init(width: image.width, height: image.height)
    cairo_surface_flush(surface)
    guard let bytes = cairo_image_surface_get_data(surface) else {
      throw UserError(.internalFault, "cairo gives no access to its pixels")
    }
    let stride = Int(cairo_image_surface_get_stride(surface))
    for y in 0..<height {
      let row = UnsafeMutableRawPointer(bytes + y * stride).assumingMemoryBound(to: UInt32.self)
      for x in 0..<width {
        let (red, green, blue) = image[x, y]
        row[x] = UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue)
      }
    }
    cairo_surface_mark_dirty(surface)
  }

  /// The picture of a PNG file over white.
  convenience init(png file: URL) throws {
    let picture = cairo_image_surface_create_from_png(file.path)
    defer { cairo_surface_destroy(picture) }
    let status = cairo_surface_status(picture)
    guard status == CAIRO_STATUS_SUCCESS else {
      throw UserError(
        .badInput, "\(file.path): the PNG image cannot be decoded (\(Self.text(status)))",
        remedy: "the file is damaged; fetch or convert it again")
    }
    try self.init(
      width: Int(cairo_image_surface_get_width(picture)), height: Int(cairo_image_surface_get_height(picture)))
    cairo_set_source_surface(context, picture, 0, 0)
    cairo_paint(context)
  }

  deinit {
    cairo_destroy(context)
    cairo_surface_destroy(surface)
  }

  public func fill(_ colour: ECGPaper.Colour) {
    setColour(colour)
    cairo_paint(context)
  }

  /// Separate straight lines, each (x0, y0) to (x1, y1).
  public func strokeSegments(_ segments: [(Double, Double, Double, Double)], width: Double, colour: ECGPaper.Colour) {
    for (x0, y0, x1, y1) in segments {
      cairo_move_to(context, x0, y0)
      cairo_line_to(context, x1, y1)
    }
    stroke(width: width, colour: colour)
  }

  /// One connected line. Bevelled joins add no height to a sharp peak, as mitred ones would.
  public func strokePath(_ points: [(x: Double, y: Double)], width: Double, colour: ECGPaper.Colour, rounded: Bool) {
    guard let first = points.first else { return }
    cairo_set_line_join(context, rounded ? CAIRO_LINE_JOIN_ROUND : CAIRO_LINE_JOIN_BEVEL)
    cairo_move_to(context, first.x, first.y)
    for point in points.dropFirst() { cairo_line_to(context, point.x, point.y) }
    stroke(width: width, colour: colour)
  }

  /// Where a text lies about the point it is given.
  public enum TextAnchor: Sendable { case start, middle, end }

  /// Text on a baseline through (x, y); `size` is the font's height in pixels, `upwards` turns it by a quarter to the left.
  public func drawText(
    _ text: String, x: Double, y: Double, size: Double, colour: ECGPaper.Colour, isBold: Bool = false,
    anchor: TextAnchor = .start, upwards: Bool = false
  ) {
    setColour(colour)
    let shown = selectFont(text, size: size, isBold: isBold)
    let shift = anchor == .start ? 0 : extent(of: shown) * (anchor == .middle ? 0.5 : 1)
    cairo_save(context)
    cairo_translate(context, x, y)
    if upwards { cairo_rotate(context, -Double.pi / 2) }
    cairo_move_to(context, -shift, 0)
    cairo_show_text(context, shown)
    cairo_restore(context)
    cairo_new_path(context)
  }

  /// Width of a text in pixels.
  public func textWidth(_ text: String, size: Double, isBold: Bool = false) -> Double {
    extent(of: selectFont(text, size: size, isBold: isBold))
  }

  public func fillRectangle(
    x: Double, y: Double, width: Double, height: Double, colour: ECGPaper.Colour, opacity: Double = 1
  ) {
    setColour(colour, opacity)
    cairo_rectangle(context, x, y, width, height)
    cairo_fill(context)
  }

  public func strokeRectangle(
    x: Double, y: Double, width: Double, height: Double, line: Double, colour: ECGPaper.Colour, opacity: Double = 1
  ) {
    cairo_set_line_join(context, CAIRO_LINE_JOIN_MITER)
    cairo_rectangle(context, x, y, width, height)
    stroke(width: line, colour: colour, opacity)
  }

  public func fillCircle(x: Double, y: Double, radius: Double, colour: ECGPaper.Colour, opacity: Double = 1) {
    setColour(colour, opacity)
    cairo_new_path(context)
    cairo_arc(context, x, y, radius, 0, 2 * Double.pi)
    cairo_fill(context)
  }

  public func fillPolygon(_ points: [(x: Double, y: Double)], colour: ECGPaper.Colour, opacity: Double = 1) {
    guard let first = points.first else { return }
    setColour(colour, opacity)
    cairo_move_to(context, first.x, first.y)
    for point in points.dropFirst() { cairo_line_to(context, point.x, point.y) }
    cairo_close_path(context)
    cairo_fill(context)
  }

  /// A quadratic curve bent towards the control point, which it does not reach.
  public func strokeCurve(
    from start: (x: Double, y: Double), control: (x: Double, y: Double), to end: (x: Double, y: Double), width: Double,
    colour: ECGPaper.Colour, opacity: Double = 1
  ) {
    cairo_move_to(context, start.x, start.y)
    cairo_curve_to(
      context, start.x + (control.x - start.x) * 2 / 3, start.y + (control.y - start.y) * 2 / 3,
      end.x + (control.x - end.x) * 2 / 3, end.y + (control.y - end.y) * 2 / 3, end.x, end.y)
    stroke(width: width, colour: colour, opacity)
  }

  /// An image with its top left corner at (x, y).
  public func draw(_ image: RasterImage, x: Double, y: Double) throws {
    let picture = try CairoCanvas(image)
    cairo_set_source_surface(context, picture.surface, x, y)
    cairo_paint(context)
  }

  /// A copy of the pixels.
  public func image() throws -> RasterImage {
    cairo_surface_flush(surface)
    let status = cairo_status(context)
    guard status == CAIRO_STATUS_SUCCESS, let bytes = cairo_image_surface_get_data(surface) else {
      throw UserError(.internalFault, "cairo failed while drawing (\(Self.text(status)))")
    }
    let stride = Int(cairo_image_surface_get_stride(surface))
    let (width, height) = (width, height)
    let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
      var at = 0
      for y in 0..<height {
        let row = UnsafeRawPointer(bytes + y * stride).assumingMemoryBound(to: UInt32.self)
        for x in 0..<width {
          let pixel = row[x]
          buffer[at] = UInt8(truncatingIfNeeded: pixel >> 16)
          buffer[at + 1] = UInt8(truncatingIfNeeded: pixel >> 8)
          buffer[at + 2] = UInt8(truncatingIfNeeded: pixel)
          at += 3
        }
      }
      count = at
    }
    return RasterImage(width: width, height: height, pixels: pixels)
  }

  public func writePNG(to file: URL) throws {
    let status = cairo_surface_write_to_png(surface, file.path)
    guard status == CAIRO_STATUS_SUCCESS else {
      throw UserError(
        .inputOutput, "\(file.path): the image cannot be written (\(Self.text(status)))",
        remedy: "check that the folder exists, is writable and has room")
    }
  }

  private func stroke(width: Double, colour: ECGPaper.Colour, _ opacity: Double = 1) {
    setColour(colour, opacity)
    cairo_set_line_width(context, width)
    cairo_stroke(context)
  }

  private func setColour(_ colour: ECGPaper.Colour, _ opacity: Double = 1) {
    cairo_set_source_rgba(context, colour.red, colour.green, colour.blue, opacity)
  }

  /// The text as cairo can show it: a string with a zero byte would end there, and control characters have no place on
  /// paper anyway.
  private func selectFont(_ text: String, size: Double, isBold: Bool) -> String {
    cairo_select_font_face(
      context, "sans-serif", CAIRO_FONT_SLANT_NORMAL, isBold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
    cairo_set_font_size(context, size)
    return text.filter { !($0.asciiValue.map { $0 < 32 } ?? false) }
  }

  private func extent(of text: String) -> Double {
    var extents = cairo_text_extents_t()
    cairo_text_extents(context, text, &extents)
    return extents.x_advance
  }

  private static func text(_ status: cairo_status_t) -> String {
    cairo_status_to_string(status).map { String(cString: $0) } ?? "status \(status.rawValue)"
  }
}
