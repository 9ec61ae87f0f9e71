/// Where the image tokens of a student and a teacher lie on a recording.
public enum TokenPlaces: Sendable {
  /// On the drawn page, each in a lead.
  case leads(PlanGeometry)
  /// In time, in seconds: a token of the signal view holds all leads of its window.
  case times(student: [ClosedRange<Double>], teacher: [ClosedRange<Double>])
}
