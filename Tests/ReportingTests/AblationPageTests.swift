import Foundation
import Tensors
import TestSupport
import Testing

@testable import Reporting

/// The results of an ablation as a page.
@Suite struct AblationPageTests {
  static func results(_ method: String) -> String {
    """
    {"subset": "made", "records": 90, "combinedRecords": 31, "steps": 40, "seeds": [1, 2], "comparedWith": "EVL",
     "bootstrap": {"seed": 1, "replicates": 100, "level": 0.95}, "groups": {"name": "patients", "count": 80}, "remarks": ["The paper has 66.5."], "teacher": {"method": "teacher", "settings": [], "seconds": [1],
     "combined": [], "scores": [{"metric": "macro AUC", "mean": {"value": 0.911, "undefinedReplicates": 0}, "seeds": [0.911]}]}, "tables": [{"condition": "all labels",
     "settings": ["train.labelled=1"], "rows": \(rows(method))}, {"condition": "few labels", "settings": [],
     "rows": \(rows(method))}], "searches": [{"method": "EVL", "chosenFor": ["EVL"], "seeds": [1], "fold": 8, "best": ["objective.alpha=0.7"], "points": [
      {"settings": ["objective.alpha=0.3"], "score": 0.701}, {"settings": ["objective.alpha=0.7"], "score": 0.799},
      {"settings": ["objective.alpha=1"]}]}]}
    """
  }

  private static func rows(_ method: String) -> String {
    """
     [
      {"method": "EVL", "settings": [], "seconds": [1], "combined": [
       {"metric": "macro AUC", "mean": {"value": 0.655, "low": 0.5, "high": 0.7, "undefinedReplicates": 0}, "seeds": [0.6, 0.7]}],
       "scores": [
       {"metric": "macro AUC", "mean": {"value": 0.81, "low": 0.78, "high": 0.84, "undefinedReplicates": 0}, "seeds": [0.8, 0.82]}]},
      {"method": "\(method)", "settings": [], "seconds": [1], "combined": [], "scores": [
       {"metric": "macro AUC", "mean": {"value": 0.732, "low": 0.7, "high": 0.76, "undefinedReplicates": 0}, "seeds": [0.7],
        "difference": {"difference": {"value": -0.078, "low": -0.1, "high": -0.05, "undefinedReplicates": 0}, "pValue": 0.02}}]},
      {"method": "KL", "settings": [], "seconds": [], "combined": [], "scores": [], "skipped": "two vocabularies"},
      {"method": "RKD", "settings": [], "seconds": [], "combined": [], "scores": [], "failures": ["seed 1: no number"]}]
    """
  }

  @Test func methodsAreShownAsBarsWithTheirDifferences() throws {
    try withTemporaryFolder { folder in
      try Data(Self.results("<b>CE</b>").utf8).write(to: folder.appendingPathComponent("ablation.json"))
      let ablation = try #require(try ReportedAblation.read(folder))
      let page = RunReportTests.expectASoundPage(try RunReport(ablation, program: "evl-dist").html())
      for words in [
        "0.810", "0.732", "−0.078", "−0.100 to −0.050", "0.020", "<b>CE</b>", "two vocabularies", "All labels",
        "Few labels", "Over the conditions", "31 records of two or more superclasses", "0.655", "The paper has 66.5.",
        "RKD came to nothing: seed 1: no number", "Trained without fold 8", "of 80 patients", "over patients and seeds",
        "0.911", "objective.alpha=0.7", "0.799",
      ] {
        #expect(page.text.contains(words), "\(words)")
      }
      #expect(
        page.values("id").contains("condition-0-bars-0") && page.values("id").contains("course-0")
          && page.all("b").isEmpty)
    }
  }

  @Test func damagedResultsAreRefusedAndNoneAreNone() throws {
    try withTemporaryFolder { folder in
      let none = try ReportedAblation.read(folder)
      #expect(none == nil)
      let whole = Data(Self.results("CE").utf8)
      for length in stride(from: 0, to: whole.count, by: 37) {
        try whole.prefix(length).write(to: folder.appendingPathComponent("ablation.json"))
        let refused = #expect(throws: UserError.self) { try ReportedAblation.read(folder) }
        #expect(refused?.kind == .badInput)
      }
    }
  }
}
