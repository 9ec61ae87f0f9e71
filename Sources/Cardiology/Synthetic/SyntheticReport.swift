import Foundation

/// The report of a synthetic ECG: rhythm, rate and axis as drawn, then each finding.
struct SyntheticReport: Sendable {
  let findings: [SyntheticFinding]
  /// Whether the patient carries the superclass NORM, alone or beside a slight conduction finding.
  let isNormal: Bool
  let rhythm: SyntheticRhythm
  /// Frontal axis of the QRS, degrees.
  let axis: Double

  /// For instance "sinus rhythm, rate 72/min, left axis deviation. Complete left bundle branch block."
  var text: String {
    var sentences = ["\(rhythmName), rate \(Int(rhythm.rate.rounded()))/min, \(axisName)"]
    if rhythm.beats.contains(where: { $0.isEctopic && (0...SyntheticECG.duration).contains($0.time) }) {
      sentences.append("Ventricular premature complexes")
    }
    sentences += findings.map(Self.sentence)
    if isNormal {
      let alone = findings.isEmpty && (-30...90).contains(axis)
      sentences.append(alone ? "Normal ECG" : "Otherwise normal ECG")
    }
    return sentences.joined(separator: ". ") + "."
  }

  private var rhythmName: String {
    if rhythm.kind == .atrialFibrillation { return "atrial fibrillation" }
    if rhythm.rate < 59.5 { return "sinus bradycardia" }
    if rhythm.rate > 100.5 { return "sinus tachycardia" }
    return rhythm.irregularity > 0.06 ? "sinus arrhythmia" : "sinus rhythm"
  }

  private var axisName: String {
    switch axis {
    case -90 ..< -30: "left axis deviation"
    case -30...90: "normal axis"
    case 90...180: "right axis deviation"
    default: "extreme axis deviation"
    }
  }

  private static func sentence(_ finding: SyntheticFinding) -> String {
    let severity = finding.severity
    switch finding.kind {
    case .infarction(let territory, let stage):
      return infarction(territory, stage, severity)
    case .stDepression: return "\(degree(severity)) ST depression in I, II and V4 to V6, consider ischemia"
    case .tInversion: return "\(degree(severity)) T wave \(severity < 0.3 ? "flattening" : "inversion"), anterolateral"
    case .nonspecificRepolarisation: return "Nonspecific ST and T wave changes"
    case .longQT: return "Prolonged QT interval"
    case .strain: return "ST depression and T inversion in lateral leads, strain pattern"
    case .completeRightBundleBranchBlock: return "Complete right bundle branch block"
    case .incompleteRightBundleBranchBlock: return "Incomplete right bundle branch block"
    case .completeLeftBundleBranchBlock: return "Complete left bundle branch block"
    case .leftAnteriorFascicularBlock: return "Left anterior fascicular block"
    case .firstDegreeAVBlock: return "First degree AV block"
    case .intraventricularDelay: return "Nonspecific intraventricular conduction delay"
    case .leftVentricularHypertrophy: return "Voltage criteria for left ventricular hypertrophy"
    case .rightVentricularHypertrophy: return "Right ventricular hypertrophy"
    case .leftAtrialEnlargement: return "Left atrial enlargement"
    case .rightAtrialEnlargement: return "Right atrial enlargement"
    }
  }

  /// Names a sign only where the severity makes it show.
  private static func infarction(_ territory: InfarctTerritory, _ stage: InfarctStage, _ severity: Double) -> String {
    let (wall, leads) =
      switch territory {
      case .anteroseptal: ("anteroseptal", "V1 to V3")
      case .anterior: ("anterior", "V2 to V4")
      case .lateral: ("lateral", "I, aVL, V5 and V6")
      case .inferior: ("inferior", "II, III and aVF")
      case .inferoposterior: ("inferoposterior", "II, III and aVF")
      }
    let isAnterior = territory == .anteroseptal || territory == .anterior
    switch stage {
    case .acute where severity < 0.2: return "Possible acute \(wall) myocardial infarction"
    case .acute: return "Acute \(wall) myocardial infarction with ST elevation in \(leads)"
    case .recent where severity < 0.3: return "Possible recent \(wall) myocardial infarction"
    case .recent: return "Recent \(wall) myocardial infarction, T wave changes in \(leads)"
    case .old where severity < 0.3: return "Possible old \(wall) myocardial infarction"
    case .old where isAnterior && severity < 0.65:
      return "Old \(wall) myocardial infarction, poor R wave progression"
    case .old: return "Old \(wall) myocardial infarction, Q waves in \(leads)"
    }
  }

  private static func degree(_ severity: Double) -> String {
    severity < 0.33 ? "Slight" : severity < 0.7 ? "Moderate" : "Marked"
  }
}
