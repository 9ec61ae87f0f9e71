import Cardiology
import Tensors

/// The raw signal as an image whose tokens hold one lead each: the page of two columns of six leads, with two rhythm strips.
///
/// The image has 8 x 8 places. The first six rows hold I and V1, II and V2, III and V3, aVR and V4, aVL and V5, aVF and
/// V6, four places each; the last two are the strips of lead II and V1, eight places each. Every strip of places covers the
/// 10 s with n windows of w = 3 P^2 samples, one in each P x P x 3 cell; window k begins at sample round(k (1000 - w) / (n - 1)).
/// Windows follow one another from place to place, and row by row within a place. In a cell, sample t has channel t / P^2,
/// row (t mod P^2) / P and column t mod P.
///
/// Where tokens lie is the same for all models, so that those of a student and of a teacher can be compared by their leads.
/// Values are those of `SignalScale`.
public struct LeadView: ECGView {
  public let imageSize: Int
  public let patchSize: Int
  public let scale: SignalScale
  /// Samples of a window.
  public let windowSamples: Int

  /// Places along one side of the image.
  static let places = 8

  /// Places in a row that show one lead.
  private struct Strip {
    let lead: Lead
    let row: Int
    let columns: Range<Int>
  }

  private static let strips: [Strip] =
    zip([Lead.I, .II, .III, .aVR, .aVL, .aVF], [Lead.V1, .V2, .V3, .V4, .V5, .V6]).enumerated().flatMap { row, leads in
      [Strip(lead: leads.0, row: row, columns: 0..<4), Strip(lead: leads.1, row: row, columns: 4..<8)]
    } + [Strip(lead: .II, row: 6, columns: 0..<8), Strip(lead: .V1, row: 7, columns: 0..<8)]

  /// Cells along one side of a place.
  private var cells: Int { imageSize / Self.places / patchSize }

  /// - Parameter blockSide: cells along one side of what a connector joins into one token.
  /// - Throws: `UserError` of kind usage where a place holds no whole number of tokens, or a cell more than 10 s.
  public init(imageSize: Int, patchSize: Int, blockSide: Int, scale: SignalScale = SignalScale()) throws {
    let place = imageSize / Self.places
    guard patchSize >= 1, blockSide >= 1, imageSize % Self.places == 0, place >= patchSize * blockSide,
      place % (patchSize * blockSide) == 0
    else {
      throw UserError(
        .usage,
        "the view of single leads cannot cut an image of \(imageSize) into \(Self.places) x \(Self.places) places of whole "
          + "tokens of \(blockSide) x \(blockSide) cells of \(patchSize)",
        remedy: "use data.view signal or image, or a model with \(Self.places) x \(Self.places) tokens or a multiple")
    }
    guard 3 * patchSize * patchSize <= ConditionedECG.sampleCount else {
      throw UserError(
        .usage, "the view of single leads has cells of \(3 * patchSize * patchSize) samples, more than 10 s",
        remedy: "use data.view signal or image, or a smaller patch size")
    }
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.scale = scale
    windowSamples = 3 * patchSize * patchSize
  }

  public var settings: String { "lead view, image \(imageSize), patch \(patchSize), \(scale.settings)" }

  public var leadBoxes: [LeadBox]? {
    let side = Double(imageSize / Self.places)
    return Self.strips.map { strip in
      LeadBox(
        lead: strip.lead, isRhythmStrip: strip.row >= 6, start: 0,
        duration: Double(ConditionedECG.sampleCount) / ConditionedECG.samplingRate,
        x: side * Double(strip.columns.lowerBound), y: side * Double(strip.row),
        width: side * Double(strip.columns.count), height: side, baseline: side * (Double(strip.row) + 0.6))
    }
  }

  /// A window of a lead, and the pixel at the top left corner of its cell.
  struct Window {
    var lead: Lead
    var start: Int
    var x: Int
    var y: Int
  }

  /// Of all strips, each in order of time.
  var windows: [Window] {
    let (side, perPlace) = (imageSize / Self.places, cells * cells)
    let room = ConditionedECG.sampleCount - windowSamples
    return Self.strips.flatMap { strip in
      let count = strip.columns.count * perPlace
      return (0..<count).map { window in
        let (place, cell) = (window / perPlace, window % perPlace)
        return Window(
          lead: strip.lead, start: (2 * window * room + count - 1) / (2 * (count - 1)),
          x: (strip.columns.lowerBound + place) * side + cell % cells * patchSize,
          y: strip.row * side + cell / cells * patchSize)
      }
    }
  }

  public func pixelValues(of record: ECGRecord) throws -> [Float] {
    let leads = try scale.values(of: record)
    let numbers = Dictionary(uniqueKeysWithValues: Lead.allCases.enumerated().map { ($1, $0) })
    var pixels = [Float](repeating: 0, count: 3 * imageSize * imageSize)
    let area = patchSize * patchSize
    for window in windows {
      guard let number = numbers[window.lead] else { continue }
      for sample in 0..<windowSamples {
        let (channel, within) = (sample / area, sample % area)
        let row = channel * imageSize + window.y + within / patchSize
        pixels[row * imageSize + window.x + within % patchSize] = leads[number][window.start + sample]
      }
    }
    return pixels
  }
}
