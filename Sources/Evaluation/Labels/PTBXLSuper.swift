/// The task `ptb-xl-super`: which of the five diagnostic superclasses an ECG shows.
public struct PTBXLSuper: Sendable {
  public static let name = "ptb-xl-super"
  public static let classes = LabelSpace.ptbXLSuper.classes

  public typealias Answer = LabelAnswer

  private let metrics: LabelMetrics

  /// - Parameters: as of `LabelMetrics`.
  public init(
    subset: String, bootstrap: Bootstrap = Bootstrap(), threshold: Double = 0.5, remarks: [String] = []
  ) {
    metrics = LabelMetrics(
      task: Self.name, space: .ptbXLSuper, subset: subset, bootstrap: bootstrap, threshold: threshold,
      remarks: remarks)
  }

  /// As `LabelMetrics.report`.
  public func report(_ answers: [Answer]) throws -> PTBXLSuperReport { try metrics.report(answers) }

  /// As `LabelMetrics.compare`.
  public func compare(_ first: [Answer], _ second: [Answer]) throws -> PTBXLSuperComparison {
    try metrics.compare(first, second)
  }

  /// As `LabelMetrics.seeds`.
  public func seeds(_ runs: [[Answer]]) throws -> SeedScores { try metrics.seeds(runs) }
}

public typealias PTBXLSuperReport = LabelReport
public typealias PTBXLSuperComparison = LabelComparison
