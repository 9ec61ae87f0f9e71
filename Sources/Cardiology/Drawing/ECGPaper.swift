/// The paper an ECG is drawn on: speed, gain, order of the leads and colours.
public struct ECGPaper: Sendable, Equatable {
  /// Red, green and blue from 0 to 1.
  public struct Colour: Sendable, Equatable {
    public var red: Double
    public var green: Double
    public var blue: Double

    public init(_ red: Double, _ green: Double, _ blue: Double) {
      self.red = red
      self.green = green
      self.blue = blue
    }

    public static let white = Colour(1, 1, 1)

    /// The colour mixed with another: 0 keeps it, 1 replaces it.
    public func mixed(with other: Colour, _ share: Double) -> Colour {
      Colour(
        red + (other.red - red) * share, green + (other.green - green) * share, blue + (other.blue - blue) * share)
    }
  }

  /// Paper speed in mm/s.
  public var speed = 25.0
  /// Deflection in mm/mV.
  public var gain = 10.0
  /// Leads row by row; the columns follow one another in time.
  public var rows: [[Lead]] = [[.I, .aVR, .V1, .V4], [.II, .aVL, .V2, .V5], [.III, .aVF, .V3, .V6]]
  /// Seconds each column shows.
  public var columnDuration = 2.5
  /// Lead of the strip at the bottom, drawn over the whole time, or nil for none.
  public var rhythmLead: Lead? = .II
  public var showsGrid = true
  public var background = Colour.white
  /// Grid every 5 mm.
  public var majorGrid = Colour(0.93, 0.30, 0.30)
  /// Grid every 1 mm.
  public var minorGrid = Colour(0.996, 0.875, 0.859)
  public var ink = Colour(0.05, 0.05, 0.05)

  public init() {}

  /// Three rows of four columns and lead II below, 25 mm/s, 10 mm/mV, on a red grid.
  public static let standard = ECGPaper()

  /// Seconds the paper shows.
  public var duration: Double { columnDuration * Double(rows.map(\.count).max() ?? 0) }
}
