import Autograd
import Tensors

/// From patches to visual tokens: each block of s x s patches is laid end to end (pixel shuffle), then mapped to the
/// decoder's width without bias. Source: Idefics3Connector.
struct Connector<Element: Scalar> {
  private let scale: Int
  private let projection: Linear<Element>

  private static var projectionName: String { "modality_projection.proj" }
  /// The projection's weight, below the connector's prefix.
  static var weightName: String { projectionName + ".weight" }

  static func declare(_ c: Idefics3Configuration, prefix: String, into layout: inout ParameterLayout) {
    let inputs = c.vision.hiddenSize * c.scaleFactor * c.scaleFactor
    Linear<Element>.declare(
      prefix + Self.projectionName, inputs, c.text.hiddenSize, deviation: c.text.initializerRange, into: &layout)
  }

  init(_ c: Idefics3Configuration, prefix: String, arena: ParameterArena<Element>) {
    scale = c.scaleFactor
    projection = Linear(prefix + Self.projectionName, arena: arena)
  }

  /// x: [images * rows * columns, width], result: [images * rows * columns / s^2, text width].
  func forward(
    _ x: Variable<Element>, images: Int, rows: Int, columns: Int, tape: Tape<Element>
  ) -> Variable<Element> {
    let width = x.value.columns
    guard scale > 1 else { return projection(x, tape: tape) }
    // s patches beside each other are contiguous already: move them as one row of s * width.
    let runs = tape.reshape(x, [images * rows * columns / scale, scale * width])
    let order = Self.order(images: images, rows: rows, columns: columns, scale: scale)
    let blocks = tape.reshape(
      tape.gatherRows(runs, order), [images * rows * columns / (scale * scale), scale * scale * width])
    return projection(blocks, tape: tape)
  }

  /// Result run (image, I, J, a) comes from run (image, I s + a, J): feature index (a s + b) width + d.
  static func order(images: Int, rows: Int, columns: Int, scale: Int) -> [Int] {
    let runs = columns / scale
    var result: [Int] = []
    result.reserveCapacity(images * rows * runs)
    for image in 0..<images {
      for blockRow in 0..<rows / scale {
        for blockColumn in 0..<runs {
          for offset in 0..<scale {
            result.append((image * rows + blockRow * scale + offset) * runs + blockColumn)
          }
        }
      }
    }
    return result
  }
}
