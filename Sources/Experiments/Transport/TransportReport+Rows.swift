import Evaluation

extension TransportReport {
  /// A row for each kind of plan that one of the two students has.
  ///
  /// Resamples draw subjects with all their records, the same for both students.
  ///
  /// - Parameters:
  ///   - drawn: the confusions of the recording that is drawn, of the student with the term and of the compared one.
  ///   - series: the same of every evaluation record, in order; nil where no token has a lead.
  ///   - subjects: what each of these records is drawn with, its patient for one.
  static func rows(
    _ drawn: [[PlanKind: LeadConfusion]], _ series: [[PlanKind: [Double?]]], subjects: [String], _ bootstrap: Bootstrap
  ) -> [Row] {
    let (records, clusters) = (subjects.count, subjectNumbers(subjects))
    func confusion(_ place: Int, _ kind: PlanKind) -> Confusion? {
      guard let own = drawn[place][kind], let values = series[place][kind] else { return nil }
      return Confusion(
        record: own.value, mean: bootstrap.estimate(records: records, clusters: clusters) { mean(values, $0) },
        leftOut: own.leftOutShare)
    }
    return PlanKind.allCases.compactMap { kind in
      let (with, compared) = (confusion(0, kind), confusion(1, kind))
      guard with != nil || compared != nil else { return nil }
      var difference: PairedDifference?
      if let a = series[0][kind], let b = series[1][kind] {
        difference =
          bootstrap.differences(records: records, clusters: clusters, { [mean(a, $0)] }, { [mean(b, $0)] })[0]
      }
      return Row(plan: kind, with: with, compared: compared, difference: difference)
    }
  }

  /// sum_i w_i v_i / sum_i w_i over the values that are known; nil where their weights are all 0.
  private static func mean(_ values: [Double?], _ weights: [Int]) -> Double? {
    let known = zip(values, weights).compactMap { value, weight in value.map { ($0, Double(weight)) } }
    let total = known.reduce(0) { $0 + $1.1 }
    return total > 0 ? known.reduce(0) { $0 + $1.0 * $1.1 } / total : nil
  }
}
