import Foundation
import Testing

/// launch/local in front of a made-up mpirun that writes down how it was called.
@Suite struct LocalTests {
  private static let script = Stage.launch.appendingPathComponent("local")

  private static let recorder = """
    if [ "${1:-}" = --version ]; then echo "mpirun (Open MPI) ${MPI_VERSION:-4.1.4}"; exit; fi
    printf '%s\\n' "$@" >"$STAGE/arguments"
    env >"$STAGE/environment"
    exit "${CODE:-0}"
    """

  /// Saves and stops on SIGUSR1, as the ranks do.
  private static let saver = """
    if [ "${1:-}" = --version ]; then echo "mpirun (Open MPI) 4.1.4"; exit; fi
    trap 'echo saved >>"$STAGE/saved"; exit 75' USR1 USR2
    touch "$STAGE/started"
    while :; do sleep 0.05; done
    """

  /// Never saves; only SIGTERM ends it.
  private static let stubborn = """
    if [ "${1:-}" = --version ]; then echo "mpirun (Open MPI) 4.1.4"; exit; fi
    trap 'echo asked >>"$STAGE/asked"' USR2
    trap 'echo ended >>"$STAGE/ended"; exit 143' TERM
    touch "$STAGE/started"
    while :; do sleep 0.05; done
    """

  private func withLocal<T>(mpirun: String = recorder, _ body: (Stage, URL) throws -> T) throws -> T {
    try withStage { stage in
      try stage.program("mpirun", mpirun)
      return try body(stage, try stage.program("evl-dist", "exit 0"))
    }
  }

  @Test(arguments: [0, 64, 65, 69, 70, 74, 75, 76] as [Int32])
  func documentedExitCodesPassThroughInSilence(code: Int32) throws {
    try withLocal { stage, program in
      let outcome = try stage.run(Self.script, settings: ["CODE": "\(code)", "EVL_DIST": program.path])
      #expect(outcome.code == code)
      #expect(outcome.errors == "")
    }
  }

  @Test(arguments: [(1, 1, "--verbose"), (139, 139, "signal 11"), (137, 76, "signal 9")] as [(Int32, Int32, String)])
  func otherExitCodesPassThroughWithALineAndAKilledRankIsLost(code: Int32, result: Int32, hint: String) throws {
    try withLocal { stage, program in
      let outcome = try stage.run(Self.script, settings: ["CODE": "\(code)", "EVL_DIST": program.path])
      #expect(outcome.code == result)
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains(hint))
    }
  }

  @Test func argumentsReachTheProgramUnchanged() throws {
    try withLocal { stage, program in
      let arguments = ["train", "--set", "run.folder=a folder", "*", "-n", "$HOME", ""]
      _ = try stage.run(Self.script, ["-n", "3"] + arguments, settings: ["EVL_DIST": program.path])
      let expected = ["-n", "3", "--quiet", program.path] + arguments
      #expect(stage.text("arguments") == expected.joined(separator: "\n") + "\n")
      _ = try stage.run(Self.script, ["--", "-n", "5"], settings: ["EVL_DIST": program.path])
      #expect(stage.text("arguments") == "-n\n8\n--quiet\n\(program.path)\n-n\n5\n")
    }
  }

  @Test func moreRanksThanCoresAreAllowedAndFewerAreNotTouched() throws {
    try withLocal { stage, program in
      let settings = ["EVL_DIST": program.path]
      _ = try stage.run(Self.script, ["-n", "9999"], settings: settings)
      #expect(stage.text("environment").contains("OMPI_MCA_rmaps_base_oversubscribe=1\n"))
      #expect(stage.text("environment").contains("OMPI_MCA_mpi_yield_when_idle=1\n"))
      _ = try stage.run(Self.script, ["-n", "1"], settings: settings)
      #expect(!stage.text("environment").contains("oversubscribe"))
      _ = try stage.run(Self.script, ["-n", "9999"], settings: settings.merging(["MPI_VERSION": "5.0.7"]) { $1 })
      #expect(stage.text("environment").contains("PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe\n"))
    }
  }

  @Test func theRanksAreToldOfTheGrace() throws {
    try withLocal { stage, program in
      _ = try stage.run(Self.script, ["--grace", "40"], settings: ["EVL_DIST": program.path])
      #expect(stage.text("environment").contains("EVL_GRACE_SECONDS=40\n"))
    }
  }

  @Test func whatIsSetAlreadyIsKept() throws {
    try withLocal { stage, program in
      let kept = ["OMPI_MCA_mpi_yield_when_idle": "0", "OPENBLAS_CORETYPE": "Haswell"]
      let settings = kept.merging(["EVL_DIST": program.path]) { $1 }
      let outcome = try stage.run(Self.script, ["-n", "9999", "--verbose"], settings: settings)
      for (name, value) in kept { #expect(stage.text("environment").contains("\(name)=\(value)\n")) }
      #expect(outcome.errors.contains("OMPI_MCA_mpi_yield_when_idle=0 (kept"))
    }
  }

  @Test func anotherMPIGetsNothingOfOpenMPI() throws {
    let mpich = "if [ \"$1\" = --version ]; then echo 'HYDRA build details:'; exit; fi\n" + Self.recorder
    try withLocal(mpirun: mpich) { stage, program in
      _ = try stage.run(Self.script, ["-n", "9999"], settings: ["EVL_DIST": program.path])
      #expect(!stage.text("environment").contains("OMPI_"))
      #expect(stage.text("arguments") == "-n\n9999\n\(program.path)\n")
    }
  }

  @Test(arguments: [SIGTERM, SIGHUP, SIGINT, SIGUSR1])
  func aStopIsASavedStop(signal: Int32) throws {
    try withLocal(mpirun: Self.saver) { stage, program in
      let outcome = try stage.run(Self.script, settings: ["EVL_DIST": program.path]) { process in
        Stage.send(signal, to: process)
      }
      #expect(outcome.code == 75)
      #expect(stage.text("saved") == "saved\n")
    }
  }

  @Test func aSecondStopDoesNotWait() throws {
    try withLocal(mpirun: Self.stubborn) { stage, program in
      let outcome = try stage.run(Self.script, settings: ["EVL_DIST": program.path]) { process in
        Stage.send(SIGTERM, to: process)
        while process.isRunning, stage.text("asked").isEmpty { usleep(10_000) }
        Stage.send(SIGTERM, to: process)
      }
      #expect(outcome.code == 143)
      #expect(stage.text("ended") == "ended\n")
      #expect(outcome.errors.contains("the newest checkpoint stands"))
    }
  }

  @Test func aStopThatIsNotHeardIsForcedWhenTheGraceIsOver() throws {
    try withLocal(mpirun: Self.stubborn) { stage, program in
      let start = Date()
      let outcome = try stage.run(Self.script, ["--grace", "1"], settings: ["EVL_DIST": program.path]) { process in
        Stage.send(SIGTERM, to: process)
      }
      #expect(outcome.code == 143)
      #expect(Date().timeIntervalSince(start) > 1)
    }
  }

  @Test func anMPIThatOutlivesItsRanksIsEndedWithCode76() throws {
    let deaf = """
      if [ "${1:-}" = --version ]; then echo "mpirun (Open MPI) 4.1.4"; exit; fi
      trap 'echo asked >>"$STAGE/asked"' TERM
      "$EVL_DIST" &
      while :; do sleep 0.05; done
      """
    try withLocal(mpirun: deaf) { stage, _ in
      let program = try stage.program("rank", "sleep 1.5")
      let settings = ["EVL_DIST": program.path, "EVL_LINGER": "1"]
      let outcome = try stage.run(Self.script, settings: settings)
      #expect(outcome.code == 76)
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains("all ranks have ended"))
      #expect(stage.text("asked") == "asked\n")
    }
  }

  @Test func ranksThatRunAreNotBounded() throws {
    let waiting = """
      if [ "${1:-}" = --version ]; then echo "mpirun (Open MPI) 4.1.4"; exit; fi
      "$EVL_DIST" &
      wait
      exit 64
      """
    try withLocal(mpirun: waiting) { stage, _ in
      let program = try stage.program("rank", "sleep 2")
      let outcome = try stage.run(Self.script, ["--linger", "1"], settings: ["EVL_DIST": program.path])
      #expect(outcome.code == 64 && outcome.errors == "")
      let refused = try stage.run(Self.script, ["--linger", "x"], settings: ["EVL_DIST": program.path])
      #expect(refused.code == 64 && refused.errorLines.count == 1)
    }
  }

  @Test(arguments: ["0", "-1", "x", "", "1e3", "99999999"])
  func aWrongNumberOfRanksIsRefused(ranks: String) throws {
    try withLocal { stage, program in
      let outcome = try stage.run(Self.script, ["-n", ranks], settings: ["EVL_DIST": program.path])
      #expect(outcome.code == 64)
      #expect(outcome.errorLines.count == 1)
      #expect(stage.text("arguments") == "")
    }
  }

  @Test func aMissingProgramOrMPIIsNamed() throws {
    try withLocal { stage, _ in
      let outcome = try stage.run(Self.script, settings: ["EVL_DIST": "/nowhere/evl-dist"])
      #expect(outcome.code == 69)
      #expect(outcome.errors.contains("/nowhere/evl-dist") && outcome.errors.contains("launch/quickstart"))
    }
    try withStage(borrowed: ["dirname"]) { stage in
      let program = try stage.program("evl-dist", "exit 0")
      let outcome = try stage.run(Self.script, settings: ["EVL_DIST": program.path])
      #expect(outcome.code == 69)
      #expect(outcome.errors.contains("openmpi-bin"))
    }
  }

  @Test func anInstalledPrefixIsFoundFromAnyFolder() throws {
    try withStage { stage in
      try stage.program("mpirun", Self.recorder)
      let installed = try stage.file("prefix/bin/evl-dist", "#!/bin/bash\nexit 0\n")
      let text = try String(contentsOf: Self.script, encoding: .utf8)
      let script = try stage.file("prefix/share/evl-dist/launch/local", text)
      let finder = try String(contentsOf: Stage.launch.appendingPathComponent("mpi-launcher"), encoding: .utf8)
      try stage.file("prefix/share/evl-dist/launch/mpi-launcher", finder)
      let outcome = try stage.run(script, ["-n", "2", "doctor"])
      #expect(outcome.code == 0)
      let path = installed.resolvingSymlinksInPath().path
      #expect(stage.text("arguments").hasSuffix("\(path)\ndoctor\n"))
    }
  }
}
