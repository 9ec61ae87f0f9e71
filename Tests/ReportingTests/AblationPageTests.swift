import Evaluation
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
     "origin": {"program": "evl-dist 9 <b>", "commit": "abc123", "programs": ["evl-dist 8", "evl-dist 9 of abc123"],
     "configuration": {"train.steps": "40", "train.shards": "8", "new.key": "<i>"}},
     "bootstrap": {"seed": 1, "replicates": 100, "level": 0.95}, "groups": {"name": "patients", "count": 80}, "remarks": ["The paper has 66.5."], "teacher": {"method": "teacher", "settings": [], "seconds": [1],
     "combined": [], "scores": [{"metric": "macro AUC", "mean": {"value": 0.911, "undefinedReplicates": 0}, "seeds": [0.911]}]}, "tables": [{"condition": "all labels",
     "settings": ["train.labelled=1"], "rows": \(rows(method))}, {"condition": "few labels", "settings": [],
     "rows": \(rows(method))}], "searches": [{"method": "EVL", "chosenFor": ["EVL"], "seeds": [1], "fold": 8, "best": ["objective.alpha=0.7", "objective.mhca.weight=1"], "points": [
      {"settings": ["objective.alpha=0.3", "objective.mhca.weight=1"], "score": 0.701},
      {"settings": ["objective.alpha=0.7", "objective.mhca.weight=1"], "score": 0.799},
      {"settings": ["objective.alpha=1", "objective.mhca.weight=1"]}]}]}
    """
  }

  private static func rows(_ method: String) -> String {
    """
     [
      {"method": "EVL", "settings": ["train.labelled=1", "objective.alpha=0.7"], "seconds": [60, 180], "combined": [
       {"metric": "macro AUC", "mean": {"value": 0.655, "low": 0.5, "high": 0.7, "undefinedReplicates": 0}, "seeds": [0.6, 0.7]}],
       "scores": [
       {"metric": "macro AUC", "mean": {"value": 0.81, "low": 0.78, "high": 0.84, "undefinedReplicates": 0}, "seeds": [0.798, 0.822]},
       {"metric": "macro F1", "mean": {"value": 0.531, "low": 0.5, "high": 0.56, "undefinedReplicates": 0}, "seeds": [0.52, 0.542]}]},
      {"method": "\(method)", "settings": [], "seconds": [30, 31], "combined": [], "scores": [
       \(score("macro AUC", 0.732, minus: -0.078)), \(score("macro F1", 0.501, minus: -0.03))]},
      {"method": "Better", "settings": [], "seconds": [30], "combined": [], "scores": [\(score("macro AUC", 0.86, minus: 0.05))]},
      {"method": "KL", "settings": [], "seconds": [], "combined": [], "scores": [], "skipped": "two vocabularies"},
      {"method": "RKD", "settings": [], "seconds": [], "combined": [], "scores": [], "failures": ["seed 1: no number"]}]
    """
  }

  private static func score(_ metric: String, _ value: Double, minus difference: Double) -> String {
    func estimate(_ value: Double) -> String {
      "{\"value\": \(value), \"low\": \(value - 0.02), \"high\": \(value + 0.02), \"undefinedReplicates\": 0}"
    }
    return "{\"metric\": \"\(metric)\", \"mean\": \(estimate(value)), \"seeds\": [\(value - 0.01), null], "
      + "\"difference\": {\"difference\": \(estimate(difference)), \"pValue\": 0.02}}"
  }

  private func made(_ results: String, in folder: URL) throws -> ReportedAblation {
    try Data(results.utf8).write(to: folder.appendingPathComponent("ablation.json"))
    return try #require(try ReportedAblation.read(folder))
  }

  private func html(_ results: String, in folder: URL) throws -> PageReader {
    RunReportTests.expectASoundPage(try RunReport(made(results, in: folder), program: "evl-dist").html())
  }

  @Test func methodsAreShownAsBarsWithTheirDifferences() throws {
    try withTemporaryFolder { folder in
      let page = try html(Self.results("<b>CE</b>"), in: folder)
      for words in [
        "0.810", "0.732", "−0.078", "−0.098 to −0.058", "0.020", "<b>CE</b>", "two vocabularies", "All labels",
        "Few labels", "Over the conditions", "31 records of two or more superclasses", "0.655", "The paper has 66.5.",
        "RKD came to nothing: seed 1: no number", "Trained without fold 8", "of 80 patients", "over patients and seeds",
        "0.911", "objective.alpha=0.7", "0.799", "Macro F1, differences to EVL, all labels", "0.531", "−0.030",
        "+0.050", "+0.030 to +0.070",
      ] {
        #expect(page.text.contains(words), "\(words)")
      }
      #expect(
        page.values("id").contains("condition-0-bars-0") && page.values("id").contains("course-0")
          && page.all("b").isEmpty)
      #expect(!page.text.contains("At the edge"), "neither end of the grid was chosen")
    }
  }

  /// In the order of the configuration, whatever came of it.
  @Test func theFirstFigureIsTheDifferenceOfTheFirstMethodNotOfTheBest() throws {
    try withTemporaryFolder { folder in
      let shown = try made(Self.results("CE"), in: folder)
      let headlines = AblationPage(ablation: shown).content(colophon: "").headlines
      #expect(headlines.map(\.label) == ["CE minus EVL, all labels", "CE minus EVL, few labels"])
      #expect(headlines.map(\.value) == ["−0.078", "−0.078"])
      #expect(headlines.map(\.detail) == Array(repeating: "macro AUC, −0.098 to −0.058, p 0.020", count: 2))
      // No smaller p can be told by so few resamples.
      let sure = Self.results("CE").replacing("\"pValue\": 0.02", with: "\"pValue\": 0.001")
      let least = AblationPage(ablation: try made(sure, in: folder)).content(colophon: "").headlines.first
      #expect(least?.detail == "macro AUC, −0.098 to −0.058, p < 0.020")
      // Where there is nothing to compare, the method's own score stands.
      let alone = Self.results("CE").replacing("\"difference\":", with: "\"nothing\":")
      let own = AblationPage(ablation: try made(alone, in: folder)).content(colophon: "").headlines
      #expect(own.map(\.label) == ["EVL, all labels", "EVL, few labels"] && own.first?.value == "0.810")
    }
  }

  @Test func seedsAndTimesAreShown() throws {
    try withTemporaryFolder { folder in
      let page = try html(Self.results("CE"), in: folder)
      for words in ["seed 1", "seed 2", "0.798", "0.822", "2 min 0 s", "1 min 0 s to 3 min 0 s", "30 s to 31 s"] {
        #expect(page.text.contains(words), "\(words)")
      }
      let dots = page.all("circle").filter { $0.attributes["class"] == "dot" }
      // Two of each score of EVL, one of each of the others, under both conditions.
      #expect(dots.count == 2 * (2 * 2 + 3))
      let single = Self.results("CE").replacing("\"seeds\": [1, 2]", with: "\"seeds\": [1]")
      let one = try html(single, in: folder)
      #expect(!one.text.contains("Each seed") && !one.all("circle").contains { $0.attributes["class"] == "dot" })
    }
  }

  @Test func areasOfClassesAndEdgesOfGridsAreShownWhereTheResultsHaveThem() throws {
    try withTemporaryFolder { folder in
      var results = Self.results("CE")
      #expect(try !html(results, in: folder).text.contains("AUC by class"))
      results = results.replacing("\"macro F1\"", with: "\"AUC of NORM\"")
        .replacing("\"best\": [\"objective.alpha=0.7\"", with: "\"best\": [\"objective.alpha=1\"")
        .replacing("\"fold\": 8", with: "\"condition\": \"few labels\", \"fold\": 8")
      let page = try html(results, in: folder)
      for words in [
        "AUC by class, all labels", "AUC by class, differences to EVL, few labels", "NORM",
        "Trained under “few labels” without fold 8", "a better one may lie: objective.alpha=1.",
      ] {
        #expect(page.text.contains(words), "\(words)")
      }
      // What the results say of it counts.
      let told = results.replacing("\"fold\": 8", with: "\"atEdge\": [\"objective.mhca.weight\"], \"fold\": 8")
      #expect(try html(told, in: folder).text.contains("a better one may lie: objective.mhca.weight=1."))
    }
  }

  @Test func settingsAndMachinesAreShown() throws {
    try withTemporaryFolder { folder in
      let bare = try html(Self.results("CE"), in: folder)
      for words in [
        "Seeds 1, 2", "train.labelled=1", "new.key", "<i>", "abc123", "evl-dist 8; evl-dist 9 of abc123",
        "evl-dist 9 <b>",
      ] {
        #expect(bare.text.contains(words), "\(words)")
      }
      // What a method sets is shown without what its condition sets; what is as in the quick start is not strong.
      let content = AblationPage(ablation: try made(Self.results("CE"), in: folder)).content(colophon: "")
      let settings = try #require(content.sections.first { $0.id == "settings" })
      guard case .table(let variants)? = settings.blocks.first, settings.blocks.count > 1,
        case .table(let changed) = settings.blocks[1]
      else {
        Issue.record("\(settings.blocks)")
        return
      }
      #expect(variants.rows.first?.cells.last?.content == "objective.alpha=0.7")
      #expect(changed.rows.map(\.label).contains("new.key") && !changed.rows.map(\.label).contains("train.shards"))
      let runs = (1...2).map { folder.appendingPathComponent("runs/all-labels/evl/seed-\($0)") }
      for run in runs {
        try MadeRun(folder: run).write(steps: 1)
        try MadeRun(folder: run).writeAblationResults()
      }
      try AblationSchedule(folder, runs: runs, grids: []).write()
      let full = try html(Self.results("CE"), in: folder)
      #expect(full.text.contains("<b>CPU</b>") && full.text.contains("2026-01-02T03:04:05Z"))
      #expect(!full.text.contains("On which machines"))
    }
  }

  @Test func whyTheMachinesAreNotKnownIsSaidOnAPageThatIsWrittenAllTheSame() throws {
    try withTemporaryFolder { folder in
      let (gone, remedy) = (
        "their folders are not beside ablation.json", "The same ablate command writes schedule.json"
      )
      // Results of earlier versions have no schedule beside them, whether their runs are there or not.
      let without = try html(Self.results("CE"), in: folder).text
      #expect(without.contains("schedule.json, which names their folders, is missing."))
      #expect(without.contains(remedy) && !without.contains(gone) && without.contains("0.810"))
      let file = folder.appendingPathComponent("schedule.json")
      try Data("{".utf8).write(to: file)
      let damaged = try html(Self.results("CE"), in: folder).text
      #expect(damaged.contains("schedule.json, which names their folders, is damaged"))
      #expect(damaged.contains(remedy) && !damaged.contains(gone) && damaged.contains("0.810"))
      try AblationSchedule(folder, runs: [folder.appendingPathComponent("runs/a/b/seed-1")], grids: []).write()
      let lost = try html(Self.results("CE"), in: folder).text
      #expect(lost.contains(gone) && !lost.contains(remedy))
    }
  }

  /// Results of earlier versions lack what was not written then.
  @Test func olderResultsAreShownWithWhatTheyHave() throws {
    try withTemporaryFolder { folder in
      var older = try #require(
        try JSONSerialization.jsonObject(with: Data(Self.results("CE").utf8)) as? [String: Any])
      older["origin"] = nil
      older["tables"] = (older["tables"] as? [[String: Any]])?.map { table in
        var table = table
        table["rows"] = (table["rows"] as? [[String: Any]])?.map { row in
          row.filter { !["settings", "seconds"].contains($0.key) }
        }
        return table
      }
      let text = String(decoding: try JSONSerialization.data(withJSONObject: older), as: UTF8.self)
      let page = try html(text, in: folder).text
      #expect(page.contains("do not hold the configuration") && !page.contains("Run times") && page.contains("0.810"))
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
