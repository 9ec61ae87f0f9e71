/// Where a lead lies in a rendered ECG.
public struct LeadBox: Sendable, Equatable {
  public let lead: Lead
  /// The strip at the bottom that repeats one lead over the whole time.
  public let isRhythmStrip: Bool
  /// Seconds from the start of the paper at the box's left edge, and those it spans.
  public let start: Double
  public let duration: Double
  /// Pixels, from the top left corner; `y + height / 2` is not the isoelectric line, `baseline` is.
  public let x: Double
  public let y: Double
  public let width: Double
  public let height: Double
  public let baseline: Double

  public init(
    lead: Lead, isRhythmStrip: Bool, start: Double, duration: Double, x: Double, y: Double, width: Double,
    height: Double, baseline: Double
  ) {
    self.lead = lead
    self.isRhythmStrip = isRhythmStrip
    self.start = start
    self.duration = duration
    self.x = x
    self.y = y
    self.width = width
    self.height = height
    self.baseline = baseline
  }

  /// The box in an image that shows this one from (x0, y0) on, scaled.
  public func moved(x0: Double = 0, y0: Double = 0, scaleX: Double, scaleY: Double) -> LeadBox {
    LeadBox(
      lead: lead, isRhythmStrip: isRhythmStrip, start: start, duration: duration, x: x0 + x * scaleX,
      y: y0 + y * scaleY, width: width * scaleX, height: height * scaleY, baseline: y0 + baseline * scaleY)
  }
}

/// Measures of one drawing, in pixels.
///
/// Print: the page of ecg-image-kit, 11 in wide, where a millimetre is a millimetre. Small: where a millimetre has less
/// than 2.5 pixels, the traces fill the image from edge to edge and what would only blur is left out.
struct ECGLayout {
  var pixelsPerSecond: Double
  var pixelsPerMillivolt: Double
  var boxes: [LeadBox] = []
  var traceWidth: Double
  /// Height of the letters, or nil where they could not be read.
  var textSize: Double?
  /// Width of the calibration pulse (0.2 s), or nil where it is left out.
  var pulseWidth: Double?
  /// Pixels per millimetre of time and of voltage for the grid.
  var millimetre: (x: Double, y: Double)
  var showsMinorGrid: Bool
  var showsMajorGrid: Bool
  /// How far the major grid fades into the paper.
  var gridFading: Double
  var isPrint: Bool

  private static let pageWidth = 279.4
  private static let leastPageHeight = 150.0
  /// Share of a small row above the baseline: R waves are taller than S waves are deep where the image ends.
  private static let rise = 0.6
  /// Height of a small row.
  private static let millivolts = 3.2

  init(_ paper: ECGPaper, width: Int, height: Int) {
    let scale = min(Double(width) / Self.pageWidth, Double(height) / Self.leastPageHeight)
    if scale >= 2.5 {
      self.init(print: paper, width: Double(width), height: Double(height), scale: scale)
    } else {
      self.init(small: paper, width: Double(width), height: Double(height))
    }
  }

  /// `scale` is in pixels per mm.
  private init(print paper: ECGPaper, width: Double, height: Double, scale: Double) {
    isPrint = true
    pixelsPerSecond = paper.speed * scale
    pixelsPerMillivolt = paper.gain * scale
    millimetre = (scale, scale)
    traceWidth = max(1.2, 0.265 * scale)
    textSize = 3.88 * scale
    pulseWidth = 5 * scale
    showsMinorGrid = paper.showsGrid && scale >= 3
    showsMajorGrid = paper.showsGrid
    // Crowded lines would darken the paper.
    gridFading = min(0.35, max(0, (6 - scale) * 0.12))
    let rows = Double(paper.rows.count + (paper.rhythmLead == nil ? 0 : 1))
    let pitch = height / (rows + 2)
    let traces = paper.duration * pixelsPerSecond
    // The left margin ends on a major grid line, and the pulse takes the box before the trace.
    let box = 5 * scale
    let left = max(0, ((width - traces) / 2 / box).rounded(.down)) * box + box
    place(
      paper, left: left, pitch: pitch, rise: 0.5, firstBaseline: height - (rows - 0.5) * pitch,
      rhythmBaseline: height - 0.5 * pitch - 0.3 * pixelsPerMillivolt)
  }

  private init(small paper: ECGPaper, width: Double, height: Double) {
    isPrint = false
    let margin = (width / 128).rounded(.down)
    let rows = Double(paper.rows.count + (paper.rhythmLead == nil ? 0 : 1))
    let pitch = height / rows
    pixelsPerSecond = (width - 2 * margin) / paper.duration
    // 20 mm/mV on a square image, so that waves of 0.1 mV still move the trace by 2 of 256 pixels.
    pixelsPerMillivolt = pitch / Self.millivolts
    millimetre = (pixelsPerSecond / paper.speed, pixelsPerMillivolt / paper.gain)
    traceWidth = max(1.25, width / 330)
    textSize = pitch * 0.09 >= 9 ? pitch * 0.09 : nil
    pulseWidth = nil
    showsMinorGrid = false
    showsMajorGrid = paper.showsGrid && 5 * millimetre.x >= 8
    gridFading = 0.6
    place(
      paper, left: margin, pitch: pitch, rise: Self.rise, firstBaseline: Self.rise * pitch,
      rhythmBaseline: (Double(paper.rows.count) + Self.rise) * pitch)
  }

  /// Boxes that lie where another layout has them, on a square image.
  ///
  /// - Precondition: there is a box.
  init(_ paper: ECGPaper, boxes: [LeadBox], side: Double) {
    precondition(!boxes.isEmpty, "a box for each lead")
    self.boxes = boxes
    isPrint = false
    let speed = boxes[0].width / boxes[0].duration
    pixelsPerSecond = speed
    pixelsPerMillivolt = boxes[0].height / Self.millivolts
    millimetre = (speed / paper.speed, pixelsPerMillivolt / paper.gain)
    traceWidth = max(1.25, pixelsPerMillivolt / 40)
    showsMinorGrid = false
    // One grid for all needs one scale of time.
    let isEven = boxes.allSatisfy { abs($0.width / $0.duration / speed - 1) < 1e-6 }
    showsMajorGrid = paper.showsGrid && isEven && 5 * millimetre.x >= 8
    gridFading = 0.6
  }

  private mutating func place(
    _ paper: ECGPaper, left: Double, pitch: Double, rise: Double, firstBaseline: Double, rhythmBaseline: Double
  ) {
    func box(_ lead: Lead, rhythm: Bool, start: Double, duration: Double, baseline: Double) -> LeadBox {
      LeadBox(
        lead: lead, isRhythmStrip: rhythm, start: start, duration: duration, x: left + start * pixelsPerSecond,
        y: baseline - pitch * rise, width: duration * pixelsPerSecond, height: pitch, baseline: baseline)
    }
    for (row, leads) in paper.rows.enumerated() {
      for (column, lead) in leads.enumerated() {
        boxes.append(
          box(
            lead, rhythm: false, start: Double(column) * paper.columnDuration, duration: paper.columnDuration,
            baseline: firstBaseline + Double(row) * pitch))
      }
    }
    guard let lead = paper.rhythmLead else { return }
    boxes.append(box(lead, rhythm: true, start: 0, duration: paper.duration, baseline: rhythmBaseline))
  }
}
