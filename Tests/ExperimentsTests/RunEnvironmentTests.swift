import Cluster
import Foundation
import TestSupport
import Testing

@testable import Experiments

@Suite struct RunEnvironmentTests {
  private func environment(_ command: [String]) throws -> RunEnvironment {
    let place = RankPlace(
      rank: 0, node: 0, localRank: 0, host: "host0", processors: [0], hostProcessors: 2, quota: 1.5, threads: 1)
    let resources = NodeResources(
      processors: HostProcessors(cores: [[0], [1]]),
      sharedMemory: SharedMemorySpace(bytes: 64_000_000, free: 60_000_000),
      model: ProcessorModel(name: "Made up", instructions: ["avx2"]), kernels: "Haswell",
      memory: MemoryLimits(bytes: 8_000_000_000, limit: 2_000_000_000), system: "6.1")
    return RunEnvironment(
      program: "test 1", topology: Topology(places: [place], resources: [resources]), messagePassing: "an MPI 1.2",
      commit: .unknown, command: command)
  }

  private func object(_ text: some StringProtocol) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func theNewestStartAndAllStartsAreTold() throws {
    try withTemporaryFolder { folder in
      for step in ["1", "2"] {
        try environment(["evl-dist", "train", "--set", "train.steps=\(step)"]).write(to: folder)
      }
      func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      }
      let newest = try object(text("environment.json"))
      #expect(newest["command"] as? [String] == ["evl-dist", "train", "--set", "train.steps=2"])
      #expect(newest["commit"] is NSNull && newest["message_passing"] as? String == "an MPI 1.2")
      let node = try #require((newest["nodes"] as? [[String: Any]])?.first)
      #expect((node["memory"] as? [String: Any])?["limit"] as? Int == 2_000_000_000 && node["quota"] as? Double == 1.5)
      #expect((node["model"] as? [String: Any])?["instructions"] as? [String] == ["avx2"])
      #expect(node["kernels"] as? String == "Haswell" && node["shared_bytes"] == nil)
      let starts = try text("starts.jsonl").split(separator: "\n").map(object)
      #expect(starts.compactMap { ($0["command"] as? [String])?.last } == ["train.steps=1", "train.steps=2"])
      #expect(NSDictionary(dictionary: starts[1]) == NSDictionary(dictionary: newest))
    }
  }

  /// What version 0.1 wrote first, and a log whose last line is being written.
  @Test func statusReadsOldFoldersAndHalfALine() throws {
    try withTemporaryFolder { folder in
      let old = """
        {"matrix_library": "x", "processor_type": "Haswell", "program": "evl-dist 0.1", "started": "2026-01-01T00:00:00Z",
         "ranks": [{"rank": 0, "node": 0, "local_rank": 0, "host": "host0", "processors": [0], "host_processors": 2,
                    "threads": 1}]}
        """
      try Data(old.utf8).write(to: folder.appendingPathComponent("environment.json"))
      let empty = try RunProgress(folder)
      #expect(empty.ranks == ["host0": [0]] && empty.phase == nil && empty.life == .stopped)
      #expect(empty.text().contains("not running") && empty.text().contains("checkpoint  none"))
      func line(_ step: Int) -> String {
        #"{"losses":{"loss":1.5},"phase":"student","samples_per_second":8,"seconds":2,"step":\#(step),"steps":9,"time":"t"}"#
      }
      let text = line(1) + "\n" + line(2) + "\n" + line(3).dropLast(9)
      try Data(text.utf8).write(to: folder.appendingPathComponent("metrics.jsonl"))
      let progress = try RunProgress(folder)
      #expect(progress.step == 2 && progress.steps == 9 && progress.loss == 1.5 && progress.samplesPerSecond == 8)
    }
  }
}
