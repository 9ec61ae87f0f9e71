import Foundation
import TestSupport
import Testing

/// The tested programs beside those of another MPI library with which the tests are built (launch/test --mpich).
@Suite(.serialized, .enabled(if: MPIRun.isPresent && ProcessInfo.processInfo.environment["EVL_TESTED_PROGRAMS"] != nil))
struct SecondMPITests {
  private let other = MPIRun.ownProgram("evl-dist")

  @Test func theStudentHasTheSameBitsWithBothAndARunGoesOnWithTheOther() throws {
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      func startOther(_ name: String, ranks: Int, _ more: [String] = []) throws -> MPIRun.Outcome {
        try MPIRun.run(ranks: ranks, other, small.arguments(name, more, []), seconds: 240)
      }
      #expect(try startOther("other", ranks: 2).code == 0)
      let bits = try small.digest("other")
      for ranks in [1, 3, 8] {
        let outcome = try small.start("\(ranks)", ranks: ranks)
        #expect(try outcome.code == 0 && small.digest("\(ranks)") == bits, "\(ranks) ranks: \(outcome.errors)")
      }
      #expect(try startOther("moved", ranks: 2, ["train.steps=10"]).code == 0)
      #expect(try small.start("moved", ranks: 3).code == 0)
      #expect(try small.digest("moved") == bits)
      print("student of both libraries: \(bits)")
    }
  }

  @Test func theOthersLauncherIsRefusedOnceAndNothingIsWritten() throws {
    let tested = MPIRun.program("evl-dist")
    for (program, launcher) in [(tested, MPIRun.mpirun(for: other)), (other, MPIRun.launcher)] {
      try withTemporaryFolder { folder in
        let words = ["-n", "3", program.path] + SmallRun(folder: folder).arguments("run", [], [])
        let outcome = try MPIRun.run(command: launcher + words)
        #expect(outcome.code == 69, "\(outcome)")
        #expect(outcome.errors.components(separatedBy: "started 3 processes that do not know of each other").count == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
      }
    }
  }

  @Test func doctorNamesTheLibrary() throws {
    let outcome = try MPIRun.run(ranks: 2, MPIRun.program("evl-dist"), ["doctor"])
    #expect(outcome.code == 0 && outcome.output.contains("message passing: MPICH "), "\(outcome)")
    let alone = try CommandTests.run(["doctor"])
    #expect(alone.output.contains("message passing: MPICH ") && alone.output.contains(", not started"), "\(alone)")
  }

  /// launch/local finds the launcher of the program, and its stop reaches the ranks.
  @Test(arguments: [SIGTERM, SIGUSR2]) func aStopOfLaunchLocalIsSaved(signal: Int32) throws {
    try withTemporaryFolder { folder in
      let small = SmallRun(folder: folder)
      let outcome = try small.launch("run", ranks: 3, ["train.steps=100000"]) { _ in
        let launcher = try #require(MPIRun.launcher(ofCommandWith: small.run("run").path))
        let words = try String(contentsOfFile: "/proc/\(launcher)/status", encoding: .utf8)
        let script = try #require(words.firstMatch(of: /PPid:\s+(\d+)/).flatMap { pid_t($0.1) })
        #expect(kill(script, signal) == 0)
      }
      #expect(outcome.code == 75 && outcome.errors.contains("run the same command again"), "\(outcome)")
    }
  }
}
