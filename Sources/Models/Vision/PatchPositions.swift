/// Which row of the position table each patch gets, for images of any aspect ratio.
///
/// The valid patches of a padded image are spread over the whole table: patch row r of h valid ones gets the fraction
/// r / h, and its id is the number of boundaries 1/n, 2/n, ... not above it. Everything is rounded as transformers on
/// torch rounds it, since at some sizes a fraction meets a boundary. Source: Idefics3VisionEmbeddings; torch.arange.
struct PatchPositions {
  /// Positions along one side of the table.
  let side: Int
  private let boundaries: [Float]

  init(side: Int) {
    self.side = side
    let step = 1 / Double(side)
    let count = max(0, Int(((1 - step) / step).rounded(.up)))
    // torch fills blocks of 8 from a base already rounded to single precision, two blocks at a time; the rest in double.
    let blocked = count / 16 * 16
    boundaries = (0..<count).map { index in
      guard index < blocked else { return Float(step + step * Double(index)) }
      let base = Float(step + step * Double(index / 8 * 8))
      return Float(Double(base) + step * Double(index % 8))
    }
  }

  /// Table coordinate of patch `index` of `valid` valid ones along one axis.
  func coordinate(_ index: Int, of valid: Int) -> Int {
    let fraction = min(Float(index) * (1 / Float(valid)), Float(1 - 1e-6))
    return boundaries.count { $0 <= fraction }
  }

  /// Table rows of a grid's patches in row-major order; patches outside the extent get row 0.
  func ids(rows: Int, columns: Int, extent: PatchExtent) -> [Int] {
    let vertical = (0..<extent.rows).map { coordinate($0, of: extent.rows) * side }
    let horizontal = (0..<extent.columns).map { coordinate($0, of: extent.columns) }
    return (0..<rows * columns).map { cell in
      let (row, column) = cell.quotientAndRemainder(dividingBy: columns)
      return row < extent.rows && column < extent.columns ? vertical[row] + horizontal[column] : 0
    }
  }
}
