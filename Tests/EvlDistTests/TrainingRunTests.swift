import Foundation
import Tensors
import TestSupport
import Testing

/// The main job under mpirun: the same bits for any number of ranks, stopping and going on, errors told once.
@Suite(.serialized) struct TrainingRunTests {
  @Test func twentyStepsGiveTheSameBitsOnOneTwoThreeAndEightRanks() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      for ranks in [1, 2, 3, 8] {
        let outcome = try small.start("\(ranks)", ranks: ranks)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let steps = try small.metrics("\(ranks)")
        #expect(steps.compactMap { $0["step"] as? Int } == Array(1...20))
        for step in steps {
          let shares = try #require(step["ranks"] as? [[String: Any]])
          #expect(shares.flatMap { $0["shards"] as? [Int] ?? [] }.sorted() == Array(0..<8))
          #expect(shares.compactMap { $0["samples"] as? Int }.reduce(0, +) == 24)
          #expect(shares.count == ranks)
          let parts = try #require(step["parts"] as? [String: Double])
          #expect(Set(parts.keys) == ["data", "compute", "fold", "network", "wait", "optimizer", "checkpoint"])
          #expect(parts.values.allSatisfy { $0 >= 0 } && parts["compute", default: 0] > 0)
          #expect((0..<ranks).contains(try #require(step["slowest"] as? Int)))
        }
      }
      let one = try small.digest("1")
      for ranks in [2, 3, 8] { #expect(try small.digest("\(ranks)") == one) }
      #expect(try small.start("other shards", ranks: 2, ["train.shards=12"]).code == 0)
      #expect(try small.digest("other shards") != one)

      // Ten steps, then ten more on another number of ranks.
      #expect(try small.start("resumed", ranks: 3, ["train.steps=10"]).code == 0)
      #expect(try small.start("resumed", ranks: 1).code == 0)
      #expect(try small.digest("resumed") == one)
      #expect(try small.metrics("resumed").compactMap { $0["step"] as? Int } == Array(1...20))
      let never = try small.start("resumed", ranks: 2, options: ["--resume", "never"])
      #expect(never.code == 64 && never.errors.components(separatedBy: "is not empty").count == 2)

      // A damaged newest checkpoint is skipped, and nothing of it is lost.
      let newest = small.run("resumed/checkpoints/step-00000020/optimizer-00000.safetensors")
      try Data("damaged".utf8).write(to: newest)
      let skipped = try small.start("resumed", ranks: 2)
      #expect(skipped.code == 0 && skipped.errors.contains("optimizer-00000.safetensors"))
      #expect(try small.digest("resumed") == one)
    }
  }

  @Test func aSignalSavesEndsWith75AndTheSameCommandGivesTheSameBits() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      #expect(try small.start("straight", ranks: 2, ["train.steps=40"]).code == 0)
      let stopped = try small.start("stopped", ranks: 2, ["train.steps=40", "checkpoint.every=0"]) { _ in
        while ((try? small.metrics("stopped").count) ?? 0) < 3 {
          guard !FileManager.default.fileExists(atPath: small.run("stopped/student").path) else { return }
          usleep(20_000)
        }
        let launcher = try #require(MPIRun.launcher(ofCommandWith: small.run("stopped").path))
        #expect(kill(launcher, SIGUSR1) == 0)
      }
      #expect(stopped.code == 75 && stopped.errors.contains("SIGUSR1"), "\(stopped)")
      let done = try small.metrics("stopped").count
      #expect(done >= 3 && done < 40)
      #expect(try small.start("stopped", ranks: 3, ["train.steps=40", "checkpoint.every=0"]).code == 0)
      #expect(try small.digest("stopped") == (try small.digest("straight")))
    }
  }

  @Test func aStopWhileTheTeacherIsTrainedIsSavedWhereItSays() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let settings = ["teacher.steps=60", "train.steps=2", "checkpoint.every=0"]
      let other = folder.appendingPathComponent("others")
      #expect(try small.start("straight", ranks: 2, settings + ["teacher.cache=\(other.path)"]).code == 0)
      let stopped = try small.start("stopped", ranks: 2, settings) { _ in
        let log = small.run("stopped").appendingPathComponent("metrics.jsonl")
        func wait(forSteps steps: Int) {
          while ((try? String(contentsOf: log, encoding: .utf8))?.split(separator: "\n").count ?? 0) < steps {
            usleep(20_000)
          }
        }
        // Looking for the launcher takes a while, in which the teacher goes on: it must not be done by then.
        wait(forSteps: 1)
        let launcher = try #require(MPIRun.launcher(ofCommandWith: small.run("stopped").path))
        wait(forSteps: 3)
        #expect(kill(launcher, SIGUSR1) == 0)
      }
      try #require(MPIRun.codesOfASavedStop.contains(stopped.code), "\(stopped)")
      let teachers = folder.appendingPathComponent("teachers")
      let home = try #require(FileManager.default.contentsOfDirectory(atPath: teachers.path).first)
      #expect(stopped.errors.contains("teachers/\(home)"), "\(stopped.errors)")
      #expect(try CommandTests.run(["verify", teachers.appendingPathComponent(home).path]).code == 0)
      #expect(try small.start("stopped", ranks: 3, settings).code == 0)
      let model = "\(home)/model/model.safetensors"
      #expect(
        try Digest.sha256(fileAt: teachers.appendingPathComponent(model))
          == Digest.sha256(fileAt: other.appendingPathComponent(model)))
      #expect(try small.digest("stopped") == (try small.digest("straight")))
    }
  }

  @Test func aDumpedStepIsReproducedByLoss() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("case.safetensors")
      let small = SmallRun(folder: folder)
      let outcome = try small.start(
        "dump", ranks: 2, ["train.steps=4"], options: ["--dump-case", "3", file.path])
      #expect(outcome.code == 0, "\(outcome.errors)")
      let out = folder.appendingPathComponent("out.safetensors")
      #expect(try CommandTests.run(["loss", file.path, "--out", out.path]).code == 0)
      let (logged, computed) = (try SafetensorsFile(contentsOf: file), try SafetensorsFile(contentsOf: out))
      let names = logged.names.filter { $0.hasPrefix("out.") }
      #expect(names.contains("out.total.perseq") && names.contains("out.grad.Wq.perseq"))
      for name in names {
        let (a, b) = (try computed.tensor(name, as: Double.self), try logged.tensor(name, as: Double.self))
        a.add(b, times: -1)
        #expect(a.sumOfSquares.squareRoot() <= 1e-4 * b.sumOfSquares.squareRoot(), "\(name)")
      }
      let step = try #require(try small.metrics("dump").first { $0["step"] as? Int == 3 })
      let losses = try #require(step["losses"] as? [String: Double])
      for (name, key) in [("total", "loss"), ("ce", "ce"), ("mhca", "mhca"), ("rel", "rel"), ("ot", "ot")] {
        let value = try computed.tensor("out.\(name).perseq", as: Double.self)[0]
        #expect(abs(value - (losses[key] ?? .nan)) <= 1e-5 * abs(value), "\(name)")
      }
    }
  }

  /// As on a cluster where each host has a file of its own.
  @Test func ranksThatAreToldDifferentThingsAreRefused() throws {
    try withTemporaryFolder { folder in
      let outcome = try SmallRun(folder: folder).startApart("run", second: ["train.learning_rate=0.125"])
      #expect(outcome.code == 64, "\(outcome)")
      #expect(
        outcome.errors.hasPrefix(
          "error: rank 1: this rank is told train.learning_rate: 0.125, rank 0 train.learning_rate: "))
    }
  }

  /// The second rank's kernels are those of an old processor: its shards have other bits, and the run says so.
  @Test func ranksWithOtherKernelsAreNamed() throws {
    try withTemporaryFolder { folder in
      var small = SmallRun(folder: folder)
      small.settings += ["train.steps=2"]
      let outcome = try small.startApart("run", variable: ("OPENBLAS_CORETYPE", "Nehalem"))
      #expect(outcome.code == 0, "\(outcome)")
      #expect(
        outcome.errors.contains("warning: rank 1 computes with ") && outcome.errors.contains("Nehalem"), "\(outcome)")
    }
  }

  @Test func oneRanksErrorEndsTheJobWithItsCodeAndItsMessageOnce() throws {
    guard MPIRun.isPresent else { return }
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let missing = try small.start("a", ranks: 3, ["data.kind=ptb-xl", "data.path=\(folder.path)"])
      #expect(missing.code == 65)
      #expect(missing.errors.components(separatedBy: "ptbxl_database.csv").count - 1 <= 2, "\(missing.errors)")
      #expect(missing.errors.components(separatedBy: "error:").count == 2, "\(missing.errors)")
      let usage = try small.start("b", ranks: 3, ["train.sheds=2"])
      #expect(usage.code == 64 && usage.errors.components(separatedBy: "error:").count == 2, "\(usage.errors)")
      #expect(!FileManager.default.fileExists(atPath: small.run("b").path))
    }
  }
}
