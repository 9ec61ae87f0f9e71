import Tensors

/// Draws an ECG as a physician expects it on paper, at print size or at a model's input size.
///
/// Source of the print layout: ecg-image-kit (Shivashankara et al. 2024), whose pictures vision-language models for ECG
/// are trained on.
public struct ECGRenderer: Sendable {
  public let paper: ECGPaper

  public init(paper: ECGPaper = .standard) { self.paper = paper }

  /// Draws the first seconds of a record; each lead's mean lies on its baseline, NaN samples leave a gap.
  ///
  /// Columns follow one another in time; of a record too short for that, the last columns show its end.
  /// - Parameters:
  ///   - header: up to three lines of text at the top; drawn where they can be read.
  /// - Throws: `UserError` where a lead is missing or the size cannot be drawn.
  /// - Complexity: O(samples + pixels); 256 x 256 takes about 2 ms.
  public func render(_ record: ECGRecord, width: Int, height: Int, header: [String] = []) throws -> RasterImage {
    try draw(record, ECGLayout(paper, width: width, height: height), width: width, height: height, header: header)
  }

  /// Draws every lead into its boxes on a square image, without names, so that others can label it: for views that lay
  /// leads out in another way, or that are to be shown larger than a model sees them.
  ///
  /// - Parameter boxes: in pixels of the result, all of one height, which is 3.2 mV.
  /// - Throws: as `render`.
  public func render(_ record: ECGRecord, in boxes: [LeadBox], side: Int) throws -> RasterImage {
    try draw(record, ECGLayout(paper, boxes: boxes, side: Double(side)), width: side, height: side, header: [])
  }

  private func draw(
    _ record: ECGRecord, _ layout: ECGLayout, width: Int, height: Int, header: [String]
  ) throws -> RasterImage {
    let record = try record.standardised()
    let canvas = try CairoCanvas(width: width, height: height)
    canvas.fill(paper.background)
    drawGrid(on: canvas, layout, width: Double(width), height: Double(height))
    drawFurniture(on: canvas, layout)
    if layout.isPrint { drawText(on: canvas, layout, header: header, height: Double(height)) }
    for path in traces(of: record, layout, height: Double(height)) {
      canvas.strokePath(path, width: layout.traceWidth, colour: paper.ink, rounded: layout.isPrint)
    }
    return try canvas.image()
  }

  /// The lines of all leads that `render(_:in:side:)` draws, for drawings that are not made of pixels.
  ///
  /// - Throws: `UserError` where a lead is missing.
  public func traces(of record: ECGRecord, in boxes: [LeadBox], side: Double) throws -> [[(x: Double, y: Double)]] {
    traces(of: try record.standardised(), ECGLayout(paper, boxes: boxes, side: side), height: side)
  }

  private func traces(of record: ECGRecord, _ layout: ECGLayout, height: Double) -> [[(x: Double, y: Double)]] {
    let baselines = record.signal.map(Self.level)
    return layout.boxes.flatMap { box -> [[(x: Double, y: Double)]] in
      guard let lead = record.leads.firstIndex(of: box.lead) else { return [] }
      return tracePaths(
        record.signal[lead], rate: record.samplingRate, level: baselines[lead], box, layout, height: height)
    }
  }

  /// Where each lead lies in an image of this size: twelve boxes row by row, then the rhythm strip.
  public func leadBoxes(width: Int, height: Int) -> [LeadBox] {
    ECGLayout(paper, width: width, height: height).boxes
  }

  /// The mean without artefacts: samples farther than 5 mV from the plain mean do not count.
  static func level(_ samples: [Float]) -> Float {
    func mean(_ isCounted: (Float) -> Bool) -> Float {
      var sum: Float = 0
      var count: Float = 0
      for sample in samples where sample.isFinite && isCounted(sample) {
        sum += sample
        count += 1
      }
      return count > 0 ? sum / count : 0
    }
    let plain = mean { _ in true }
    return mean { abs($0 - plain) < 5 }
  }

  /// The points of a lead's trace, one path for each run without NaN.
  private func tracePaths(
    _ samples: [Float], rate: Double, level: Float, _ box: LeadBox, _ layout: ECGLayout, height: Double
  ) -> [[(x: Double, y: Double)]] {
    let duration = Double(samples.count) / rate
    let start = min(box.start, max(0, duration - box.duration))
    let first = Int((start * rate).rounded())
    let last = min(samples.count, Int(((start + box.duration) * rate).rounded()))
    guard first < last else { return [] }
    var paths: [[(x: Double, y: Double)]] = []
    var path: [(x: Double, y: Double)] = []
    let edge = layout.traceWidth / 2
    let step = box.width / box.duration / rate
    for index in first..<last {
      guard samples[index].isFinite else {
        if !path.isEmpty { paths.append(path) }
        path = []
        continue
      }
      // An artefact of many millivolts stays on the paper.
      let y = box.baseline - Double(samples[index] - level) * layout.pixelsPerMillivolt
      path.append((box.x + Double(index - first) * step, min(max(y, edge), height - edge)))
    }
    if !path.isEmpty { paths.append(path) }
    return step < 0.34 ? paths.map(Self.thinned) : paths
  }

  /// Of the points within each pixel column the highest and the lowest, in order, and the path's two ends: the same
  /// picture from fewer points. Drawing takes time in proportion to them.
  static func thinned(_ path: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    var result: [(x: Double, y: Double)] = []
    var start = 0
    while start < path.count {
      let column = path[start].x.rounded(.down)
      var end = start
      var low = start
      var high = start
      while end < path.count, path[end].x.rounded(.down) == column {
        if path[end].y < path[low].y { low = end }
        if path[end].y > path[high].y { high = end }
        end += 1
      }
      if start == 0, min(low, high) > 0 { result.append(path[0]) }
      result.append(path[min(low, high)])
      if low != high { result.append(path[max(low, high)]) }
      if end == path.count, max(low, high) < end - 1 { result.append(path[end - 1]) }
      start = end
    }
    return result
  }
}
