/// One of the twelve leads of the standard electrocardiogram; `allCases` is the standard order.
public enum Lead: String, CaseIterable, Codable, Sendable {
  case I, II, III, aVR, aVL, aVF, V1, V2, V3, V4, V5, V6

  /// The lead a file's signal name stands for, or nil where it names no standard lead.
  ///
  /// Understands case (`AVR`, `avr`), prefixes (`Lead II`, `ECG V1`, `EKG_I`), modified limb leads of ambulatory
  /// recorders (`MLII`) and the Latin American names (`DI`, `D2`). An inverted lead (`-aVR`) is no standard lead.
  public init?(name: String) {
    var text = name.uppercased().filter { !" _.\t".contains($0) }
    for prefix in ["LEAD", "ECG", "EKG"] where text.hasPrefix(prefix) && text.count > prefix.count {
      text.removeFirst(prefix.count)
    }
    guard let lead = Self.byName[text] else { return nil }
    self = lead
  }

  private static let byName: [String: Lead] = {
    var names: [String: Lead] = [:]
    for lead in allCases { names[lead.rawValue.uppercased()] = lead }
    for (lead, numeral) in [(Lead.I, "1"), (.II, "2"), (.III, "3")] {
      names["ML" + lead.rawValue] = lead
      names["D" + lead.rawValue] = lead
      names["D" + numeral] = lead
    }
    return names
  }()
}
