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
    _ = try ConfigurationLoader().load(file: path, assignments: ["data.path=somewhere"])
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
