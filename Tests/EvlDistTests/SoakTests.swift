import Foundation
import Tensors
import TestSupport
import Testing

/// Long runs with 8 ranks, one stopped and killed again and again, one in peace; `launch/test --long` runs them, for
/// EVL_SOAK_MINUTES (30).
@Suite(
  .serialized, .enabled(if: MPIRun.isPresent && ProcessInfo.processInfo.environment["EVL_LONG_TESTS"] == "1")
) struct SoakTests {
  /// What the ranks of a start held at one moment.
  private struct Sample {
    var seconds: Double
    /// Proportional set size of all ranks, MB.
    var memory: Double
    /// Open files of the rank that has most.
    var files: Int
  }

  private static let ranks = 8
  private static let seconds =
    60 * (ProcessInfo.processInfo.environment["EVL_SOAK_MINUTES"].flatMap(Double.init) ?? 30)

  /// Two thirds of the time with a stop or a kill every few seconds to a minute; then as many steps in one go: the same bits.
  @Test func disturbedAndRestartedItEndsWithTheSameWeights() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["train.steps=10000000", "checkpoint.every=20"]
      let shared = sharedMemory()
      var random = CounterRandom(seed: 11, purpose: "soak")
      var counts = ["stopped": 0, "killed": 0]
      var starts = 0
      let begin = Date()
      while Date().timeIntervalSince(begin) < Self.seconds * 2 / 3 {
        let (pause, isKill) = (3 + random.integer(below: 42), random.integer(below: 2) == 1)
        let victim = random.integer(below: Self.ranks)
        let outcome = try small.launch("soak", ranks: Self.ranks) { _ in
          sleep(UInt32(pause))
          let process = isKill ? small.process(ofRank: victim, "soak") : launcher()
          if let process { kill(process, isKill ? SIGKILL : SIGUSR1) }
        }
        starts += 1
        counts[isKill ? "killed" : "stopped", default: 0] += 1
        #expect((isKill ? [76, 137] : [75]).contains(outcome.code), "start \(starts): \(outcome)")
        #expect(!outcome.errors.contains("is damaged"), "\(outcome.errors)")
      }
      let steps = try #require(small.metrics("soak").last?["step"] as? Int) + 10
      small.settings += ["train.steps=\(steps)"]
      #expect(try small.launch("soak", ranks: Self.ranks).code == 0)
      #expect(try small.start("straight", ranks: 2, seconds: 3 * Int(Self.seconds)).code == 0)
      #expect(try small.digest("soak") == small.digest("straight"))
      print("soak: \(steps) steps, \(counts) in \(starts) starts")
      try lookForRemains(small.run("soak"), shared: shared)
    }
  }

  /// A third of the time in peace: neither memory nor the number of open files grows.
  ///
  /// The pools of a rank grow with each shard that is longer than all before: where answers differ much, memory goes on by
  /// the logarithm of the steps for half an hour. With questions of yes and no alone, a shard's three soon were the longest
  /// of five, and what grows after that is a leak, or the heap that settles.
  @Test func inPeaceMemoryAndOpenFilesStay() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["data.questions.classification=0", "train.steps=10000000", "checkpoint.every=20"]
      let shared = sharedMemory()
      var samples: [Sample] = []
      let outcome = try small.launch("peace", ranks: Self.ranks, seconds: Int(Self.seconds)) { _ in
        let start = Date()
        while Date().timeIntervalSince(start) < Self.seconds / 3 {
          sleep(5)
          if let sample = sample(small, Date().timeIntervalSince(start)) { samples.append(sample) }
        }
        if let process = launcher() { kill(process, SIGUSR1) }
      }
      #expect(outcome.code == 75, "\(outcome)")
      try look(at: samples, "\(try #require(small.metrics("peace").last?["step"] as? Int)) steps")
      try lookForRemains(small.run("peace"), shared: shared)
    }
  }

  /// What a run leaves: its two checkpoints, no lock, no half of a file, no shared memory.
  private func lookForRemains(_ run: URL, shared: [String]) throws {
    #expect(sharedMemory() == shared)
    let left = try FileManager.default.contentsOfDirectory(atPath: run.path)
    #expect(!left.contains { $0.hasPrefix("lock") || $0.hasPrefix(".") }, "\(left)")
    let saved = try FileManager.default.contentsOfDirectory(atPath: run.appendingPathComponent("checkpoints").path)
    #expect(saved.count == 2 && saved.allSatisfy { $0.hasPrefix("step-") }, "\(saved)")
  }

  /// The process of launch/local.
  private func launcher() -> pid_t? {
    MPIRun.process { _, words in
      words.prefix(2).contains(MPIRun.script("local")) && words.first?.hasSuffix("timeout") == false
    }
  }

  private func sample(_ small: SmallRun, _ seconds: Double) -> Sample? {
    let processes = (0..<Self.ranks).compactMap { small.process(ofRank: $0, "peace") }
    guard processes.count == Self.ranks else { return nil }
    let memory = processes.reduce(0.0) { sum, process in
      let lines = (try? String(contentsOfFile: "/proc/\(process)/smaps_rollup", encoding: .utf8)) ?? ""
      let line = lines.split(separator: "\n").first { $0.hasPrefix("Pss:") }
      return sum + (line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) / 1000
    }
    let files = processes.map { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\($0)/fd").count) ?? 0 }
    return Sample(seconds: seconds, memory: memory, files: files.max() ?? 0)
  }

  /// Prints the slope of memory over time behind the first fifth, and holds it against a hundredth an hour and 2 MB.
  private func look(at samples: [Sample], _ what: String) throws {
    let settled = samples.suffix(samples.count * 4 / 5)
    let (first, last) = (try #require(settled.first), try #require(settled.last))
    let count = Double(settled.count)
    let (time, memory) = (
      settled.reduce(0) { $0 + $1.seconds } / count, settled.reduce(0) { $0 + $1.memory } / count
    )
    let slope =
      settled.reduce(0) { $0 + ($1.seconds - time) * ($1.memory - memory) }
      / settled.reduce(0) { $0 + ($1.seconds - time) * ($1.seconds - time) }
    print(
      "soak: \(what); "
        + String(
          format: "memory of %d ranks %.1f MB, slope %.3f MB a minute; open files %d to %d", Self.ranks, memory,
          slope * 60, first.files, last.files))
    #expect(slope * (last.seconds - first.seconds) < 2 + 0.01 * memory, "memory grows: \(slope * 60) MB a minute")
    #expect(abs(last.files - first.files) <= 2, "\(first.files) open files, then \(last.files)")
  }

  private func sharedMemory() -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []).filter { $0.contains("evl") }.sorted()
  }
}
