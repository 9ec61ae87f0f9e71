import Foundation
import Testing

/// The rules, held against the sources of this package.
@Suite struct HouseTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Files of a folder of the package with those endings, as (path in the package, text).
  private static func files(in folder: String, endings: Set<String>) throws -> [(path: String, text: String)] {
    let top = root.appendingPathComponent(folder)
    let paths = FileManager.default.enumerator(atPath: top.path)?.compactMap { $0 as? String } ?? []
    return try paths.filter { endings.contains(URL(fileURLWithPath: $0).pathExtension) }.sorted().map {
      ("\(folder)/\($0)", try String(contentsOf: top.appendingPathComponent($0), encoding: .utf8))
    }
  }

  private static func list(_ violations: [Violation]) -> Comment {
    Comment(rawValue: violations.map(\.description).joined(separator: "\n"))
  }

  @Test func everyArrowOfTheHousePointsDown() {
    #expect(House.ours.wrongArrows == [])
  }

  @Test func theManifestDeclaresTheHouse() throws {
    let manifest = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let violations = SourceRules().manifestViolations(manifest)
    #expect(violations.isEmpty, Self.list(violations))
  }

  @Test func swiftSourcesKeepTheRules() throws {
    let files = try Self.files(in: "Sources", endings: ["swift"])
    #expect(files.count > 20, "the sources were not found")
    let violations = files.flatMap { SourceRules().violations(path: $0.path, text: $0.text) }
    #expect(violations.isEmpty, Self.list(violations))
  }

  @Test func otherFilesAreShortAndFinished() throws {
    let files = try Self.files(in: "Sources", endings: ["c", "h", "inc"]) + Self.files(in: "Tests", endings: ["swift"])
    let violations = files.flatMap { file in
      SourceRules().length(path: file.path, text: file.text)
        + (file.path.hasPrefix("Tests/ArchitectureTests/")
          ? [] : SourceRules().unfinished(path: file.path, text: file.text))
    }
    #expect(violations.isEmpty, Self.list(violations))
  }

  @Test func everyExemptFileNeedsItsExemption() throws {
    for path in House.pointerFiles.sorted() {
      let text = try? String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
      let words = SwiftText(text ?? "").tokens.map(\.text)
      #expect(words.contains(where: SourceRules.isUnsafe), "\(path) is exempt and holds no unsafe pointer")
    }
  }
}
