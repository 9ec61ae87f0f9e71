/// The wall of the left ventricle an infarction lies in.
public enum InfarctTerritory: String, CaseIterable, Sendable {
  case anteroseptal, anterior, lateral, inferior, inferoposterior
}

/// The age of an infarction: ST elevation, then T inversion, then the scar's Q waves alone.
public enum InfarctStage: String, CaseIterable, Sendable {
  case acute, recent, old
}

/// What a synthetic ECG shows that a normal one does not.
public struct SyntheticFinding: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case infarction(InfarctTerritory, InfarctStage)
    case stDepression, tInversion, nonspecificRepolarisation, longQT, strain
    case completeRightBundleBranchBlock, incompleteRightBundleBranchBlock, completeLeftBundleBranchBlock
    case leftAnteriorFascicularBlock, firstDegreeAVBlock, intraventricularDelay
    case leftVentricularHypertrophy, rightVentricularHypertrophy, leftAtrialEnlargement, rightAtrialEnlargement

    public var superclass: Superclass {
      switch self {
      case .infarction: .MI
      case .stDepression, .tInversion, .nonspecificRepolarisation, .longQT, .strain: .STTC
      case .completeRightBundleBranchBlock, .incompleteRightBundleBranchBlock, .completeLeftBundleBranchBlock,
        .leftAnteriorFascicularBlock, .firstDegreeAVBlock, .intraventricularDelay:
        .CD
      case .leftVentricularHypertrophy, .rightVentricularHypertrophy, .leftAtrialEnlargement, .rightAtrialEnlargement:
        .HYP
      }
    }
  }

  public let kind: Kind
  /// From 0 (subtle, within the scatter of the healthy) to 1 (marked).
  public let severity: Double

  public init(_ kind: Kind, severity: Double) {
    self.kind = kind
    self.severity = min(max(severity, 0), 1)
  }
}
