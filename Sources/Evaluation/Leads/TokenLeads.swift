import Cardiology

/// A rectangle of an image, in pixels from its top left corner.
public struct ImageRegion: Sendable, Equatable {
  public var x: Double
  public var y: Double
  public var width: Double
  public var height: Double

  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// Where a lead is drawn.
  public init(_ box: LeadBox) { self.init(x: box.x, y: box.y, width: box.width, height: box.height) }

  /// The region of an image `factor` times as large whose corner lies at `offset`.
  public func scaled(by factor: Double, movedBy offset: (x: Double, y: Double) = (0, 0)) -> ImageRegion {
    ImageRegion(x: offset.x + x * factor, y: offset.y + y * factor, width: width * factor, height: height * factor)
  }

  public var centre: (x: Double, y: Double) { (x + width / 2, y + height / 2) }

  /// Area shared with another rectangle, in square pixels; 0 where they only touch.
  public func overlap(with other: ImageRegion) -> Double {
    let across = min(x + width, other.x + other.width) - max(x, other.x)
    let down = min(y + height, other.y + other.height) - max(y, other.y)
    return across > 0 && down > 0 ? across * down : 0
  }
}

/// The cells of a square image that its visual tokens stand for: token k lies in row k / side, column k mod side.
public struct TokenGrid: Sendable, Equatable {
  /// Tokens along one side.
  public let side: Int
  /// Pixels along one side of the image.
  public let imageSize: Double

  /// Whether so many tokens fill a square.
  public static func isSquare(_ tokens: Int) -> Bool {
    let side = Int(Double(max(0, tokens)).squareRoot().rounded())
    return side > 0 && side * side == tokens
  }

  /// - Precondition: `tokens` is a square number above 0.
  public init(tokens: Int, imageSize: Int) {
    side = Int(Double(tokens).squareRoot().rounded())
    precondition(Self.isSquare(tokens), "\(tokens) tokens fill no square")
    self.imageSize = Double(imageSize)
  }

  public var count: Int { side * side }

  /// The cell of a token, in pixels. - Precondition: 0 <= token < count.
  public subscript(token: Int) -> ImageRegion {
    precondition((0..<count).contains(token), "token \(token) of \(count)")
    let cell = imageSize / Double(side)
    return ImageRegion(x: Double(token % side) * cell, y: Double(token / side) * cell, width: cell, height: cell)
  }

  public var cells: [ImageRegion] { (0..<count).map { self[$0] } }
}

/// The lead each visual token of an image belongs to: that of the lead box it overlaps most, none where it overlaps none.
///
/// A lead may have several boxes (its column and the rhythm strip); of boxes overlapped alike the first counts.
public struct TokenLeads: Sendable, Equatable {
  /// Number of each token's box; nil for a token without one.
  public let boxes: [Int?]
  /// Lead of each token.
  public let leads: [Lead?]

  /// - Complexity: O(tokens * boxes).
  public init(cells: [ImageRegion], boxes: [(lead: Lead, region: ImageRegion)]) {
    let chosen = cells.map { cell -> Int? in
      var best: (box: Int, area: Double)?
      for (number, box) in boxes.enumerated() {
        let area = cell.overlap(with: box.region)
        if area > best?.area ?? 0 { best = (number, area) }
      }
      return best?.box
    }
    self.boxes = chosen
    leads = chosen.map { $0.map { boxes[$0].lead } }
  }

  /// The tokens of an image on which leads are drawn in these boxes, both in the pixels of that image.
  public init(_ grid: TokenGrid, boxes: [LeadBox]) {
    self.init(cells: grid.cells, boxes: boxes.map { ($0.lead, ImageRegion($0)) })
  }
}
