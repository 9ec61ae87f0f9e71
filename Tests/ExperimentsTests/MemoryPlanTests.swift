import Corpus
import Testing
import Training

@testable import Experiments

@Suite struct MemoryPlanTests {
  private func bytes(_ shards: [[InputSize]]) throws -> Int {
    let student = try ModelBlueprint(builtIn: .student, view: "image")
    return try MemoryPlan(
      RunConfiguration(), layout: student.configuration.layout, student: .init(blueprint: student, shards: shards),
      teacher: nil, ranks: 1, rounds: 1
    ).perRank
  }

  /// Text alone in the first shard says nothing of the picture in the second.
  @Test func theLargestShardIsPlannedFor() throws {
    let text = InputSize(tiles: 0, tokens: 200, answerTokens: 20)
    let picture = InputSize(tiles: 40, tokens: 3000, answerTokens: 20)
    let (small, large) = (try bytes([[text, text]]), try bytes([[picture, text]]))
    let mixed = try bytes([[text, text], [picture, text]])
    // The program itself, a part of each, grows a little in between.
    #expect(large > small + 50_000_000 && abs(mixed - large) < 20_000_000, "\(small), \(large), \(mixed)")
  }
}
