import Foundation
import Testing
import Training

/// The files of configs/ and the program's own defaults say the same.
@Suite struct ShippedConfigurationTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("configs")

  private static let files = ((try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".yaml") }.sorted()

  @Test func thereAreConfigurations() {
    #expect(Self.files.contains("quick-start.yaml") && Self.files.contains("ptb-xl.yaml"))
  }

  @Test(arguments: files)
  func everyShippedConfigurationIsValidOnceItHasData(file: String) throws {
    let path = Self.folder.appendingPathComponent(file)
    // What else `ablate` reads there, the tests of its own hold.
    try ConfigurationLoader().merge(file: path, assignments: ["data.path=somewhere"], leavingOut: "ablation").validate()
  }

  /// The ablations are configurations: each differs from the quick start where its name says, and nowhere else.
  @Test func everyAblationChangesWhatItsNameSays() throws {
    let changes: [String: [String: String]] = [
      "full": [:], "without-mhca": ["objective.mhca.weight": "0"],
      "without-transport": ["objective.transport.weight": "0"], "without-relation": ["objective.relation.weight": "0"],
      "ce-only": ["objective.method": "ce"], "kl": ["objective.method": "kl"],
      "tinybert": ["objective.method": "tinybert"], "uld": ["objective.method": "uld"],
      "rkd": ["objective.method": "rkd"],
      "gradnorm": ["objective.weighting": "gradnorm", "objective.norms.every": "10"],
    ]
    #expect(Set(Self.files.filter { $0.hasPrefix("ablations/") }) == Set(changes.keys.map { "ablations/\($0).yaml" }))
    let standard = try ConfigurationLoader().load().listing()
    for (name, expected) in changes {
      let file = Self.folder.appendingPathComponent("ablations/\(name).yaml")
      let listing = try ConfigurationLoader().load(file: file).listing()
      let changed = zip(listing, standard).filter { $0.value != $1.value }.map { ($0.0.key, $0.0.value) }
      var all = expected
      all["run.folder"] = "runs/ablations/\(name)"
      #expect(Dictionary(uniqueKeysWithValues: changed) == all, "\(name)")
    }
  }

  @Test func theWrittenOutQuickStartIsTheBuiltInOne() throws {
    let written = try ConfigurationLoader().load(file: Self.folder.appendingPathComponent("quick-start.yaml"))
    #expect(written.configuration == RunConfiguration())
  }

  @Test func theWrittenOutQuickStartNamesEveryKey() throws {
    let written = try ConfigurationLoader().load(file: Self.folder.appendingPathComponent("quick-start.yaml"))
    let missing = try written.listing().filter { $0.origin == "default" }.map(\.key)
    #expect(missing == [])
  }
}
