import CVectorKernels
import Cardiology
import Foundation

/// The filters of Pillow's `Image.resize`, with Pillow's numbers (`resample` of preprocessor_config.json).
public enum ResamplingFilter: Int, Sendable, CaseIterable {
  case nearest = 0
  case lanczos = 1
  case bilinear = 2
  case bicubic = 3
  case box = 4
  case hamming = 5

  /// Half the width of the filter, in pixels of the larger image.
  var support: Double {
    switch self {
    case .nearest: 0
    case .box: 0.5
    case .bilinear, .hamming: 1
    case .bicubic: 2
    case .lanczos: 3
    }
  }

  /// The filter's weight at a distance from its centre.
  func weight(_ x: Double) -> Double {
    switch self {
    case .nearest: return 0
    case .box: return x > -0.5 && x <= 0.5 ? 1 : 0
    case .bilinear: return max(0, 1 - abs(x))
    case .hamming:
      let x = abs(x)
      if x == 0 { return 1 }
      if x >= 1 { return 0 }
      // Pillow's constants are floats.
      return sin(x * .pi) / (x * .pi) * (Double(0.54 as Float) + Double(0.46 as Float) * cos(x * .pi))
    case .bicubic:
      let x = abs(x)
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    case .lanczos: return -3 <= x && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
    }
  }

  private static func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
}

/// Which neighbours make each pixel of a resized row or column, and how much each counts.
///
/// Pixel k has its centre at (k + 1/2) scale in the old row, scale = old / new; where the row shrinks the filter is as
/// many times wider, so that every old pixel counts (antialiasing). Weights sum to 1 and are rounded to multiples of
/// 2^-22. Source: `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's Resample.c.
struct ResamplingKernel {
  /// The first neighbour of each new pixel, and how many there are.
  private(set) var first: [Int32] = []
  private(set) var count: [Int32] = []
  /// Shape [new][reach].
  private(set) var weights: [Int32]
  let reach: Int

  /// - Precondition: both lengths are positive, and the filter is not `nearest`.
  init(_ filter: ResamplingFilter, from old: Int, to new: Int) {
    let scale = Double(old) / Double(new)
    let widening = max(scale, 1)
    let support = filter.support * widening
    reach = Int(support.rounded(.up)) * 2 + 1
    weights = Array(repeating: 0, count: new * reach)
    for pixel in 0..<new {
      let centre = (Double(pixel) + 0.5) * scale
      let start = max(0, Int(centre - support + 0.5))
      let end = min(old, Int(centre + support + 0.5))
      let values = (start..<max(start, end)).map { filter.weight((Double($0) - centre + 0.5) * (1 / widening)) }
      let sum = values.reduce(0, +)
      for (place, value) in values.enumerated() {
        let share = (sum != 0 ? value / sum : value) * 0x1p22
        weights[pixel * reach + place] = Int32(share < 0 ? share - 0.5 : share + 0.5)
      }
      first.append(Int32(start))
      count.append(Int32(values.count))
    }
  }
}

extension RasterImage {
  /// The picture at another size, byte for byte as the `Image.resize` of Pillow 13 gives it for 8-bit RGB.
  ///
  /// Rows, rounded to 8 bits, then columns; or columns first where that loses more than twice as many rows as the other
  /// way loses columns. Pillow up to version 12 always took rows first.
  /// - Precondition: the new sides are positive.
  /// - Complexity: O(new width x height x filter width + new size x filter height).
  public func resized(width newWidth: Int, height newHeight: Int, filter: ResamplingFilter) -> RasterImage {
    precondition(newWidth > 0 && newHeight > 0, "an image has pixels")
    if newWidth == width, newHeight == height { return self }
    if filter == .nearest { return nearest(newWidth, newHeight) }
    let takesColumnsFirst = newHeight < height && height - newHeight > 2 * (width - newWidth)
    return takesColumnsFirst
      ? resized(height: newHeight, filter).resized(width: newWidth, filter)
      : resized(width: newWidth, filter).resized(height: newHeight, filter)
  }

  private func resized(width newWidth: Int, _ filter: ResamplingFilter) -> RasterImage {
    guard newWidth != width else { return self }
    let kernel = ResamplingKernel(filter, from: width, to: newWidth)
    var result = [UInt8](repeating: 0, count: newWidth * height * 3)
    evl_resize_horizontally(
      height, width, newWidth, kernel.reach, kernel.first, kernel.count, kernel.weights, pixels, &result)
    return RasterImage(width: newWidth, height: height, pixels: result)
  }

  private func resized(height newHeight: Int, _ filter: ResamplingFilter) -> RasterImage {
    guard newHeight != height else { return self }
    let kernel = ResamplingKernel(filter, from: height, to: newHeight)
    var result = [UInt8](repeating: 0, count: width * newHeight * 3)
    evl_resize_vertically(
      width * 3, newHeight, kernel.reach, kernel.first, kernel.count, kernel.weights, pixels, &result)
    return RasterImage(width: width, height: newHeight, pixels: result)
  }

  /// The pixel under each new pixel's centre. The centres are summed up step by step, as Pillow does.
  private func nearest(_ newWidth: Int, _ newHeight: Int) -> RasterImage {
    func places(_ old: Int, _ new: Int) -> [Int] {
      let step = Double(old) / Double(new)
      var centre = step * 0.5
      return (0..<new).map { _ in
        defer { centre += step }
        return min(Int(centre), old - 1)
      }
    }
    let columns = places(width, newWidth)
    var taken: [UInt8] = []
    taken.reserveCapacity(newWidth * newHeight * 3)
    for row in places(height, newHeight) {
      for column in columns {
        let at = (row * width + column) * 3
        taken += pixels[at..<at + 3]
      }
    }
    return RasterImage(width: newWidth, height: newHeight, pixels: taken)
  }
}
