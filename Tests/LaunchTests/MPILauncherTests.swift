import Foundation
import Testing

/// launch/mpi-launcher and launch/local on a made-up machine with two MPI libraries.
@Suite struct MPILauncherTests {
  private static let finder = Stage.launch.appendingPathComponent("mpi-launcher")
  private static let local = Stage.launch.appendingPathComponent("local")

  private static let openMPI = """
    if [ "${1:-}" = --version ]; then echo 'mpirun (Open MPI) 4.1.4'; exit; fi
    exit 1
    """

  /// MPICH's: it hands SIGUSR1 and SIGTERM on and waits; SIGUSR2 ends it. Its code is that of a signal without 128.
  private static let hydra = """
    if [ "${1:-}" = --version ]; then echo 'HYDRA build details:'; exit; fi
    printf '%s\\n' "$@" >"$STAGE/arguments"
    trap 'echo saved >>"$STAGE/saved"; exit 75' USR1
    trap 'echo asked >>"$STAGE/asked"' TERM
    touch "$STAGE/started"
    [ -z "${CODE:-}" ] || exit "$CODE"
    while :; do sleep 0.05; done
    """

  /// - Parameter library: what the program is linked with.
  private func withTwoMPIs<T>(library: String, hydra: String? = hydra, _ body: (Stage, URL) throws -> T) throws -> T {
    try withStage(borrowed: Self.tools) { stage in
      try stage.program("mpirun", Self.openMPI)
      try stage.program("ldd", "echo '  \(library) => /lib/\(library) (0x0)'")
      if let hydra { try stage.program("mpiexec.hydra", hydra) }
      return try body(stage, try stage.program("evl-dist", "exit 0"))
    }
  }

  /// What the scripts are made of, without this machine's own mpirun.
  private static let tools = [
    "bash", "dirname", "cat", "sed", "head", "id", "nproc", "sort", "wc", "sleep", "touch", "grep", "env",
  ]

  @Test(arguments: [("libmpi.so.40", "mpirun"), ("libmpich.so.12", "mpiexec.hydra"), ("libmpi.so.12", "mpiexec.hydra")])
  func theLauncherIsThatOfTheProgramsLibrary(library: String, launcher: String) throws {
    try withTwoMPIs(library: library) { stage, program in
      let outcome = try stage.run(Self.finder, [program.path])
      #expect(outcome.code == 0 && outcome.output == launcher && outcome.errors == "")
      let chosen = try stage.run(Self.finder, [program.path], settings: ["EVL_MPIRUN": "mpirun"])
      #expect(chosen.code == 0 && chosen.output.hasSuffix("/mpirun"), "what the user has set stands")
    }
  }

  @Test func aMissingLauncherIsNamed() throws {
    try withTwoMPIs(library: "libmpich.so.12", hydra: nil) { stage, program in
      let outcome = try stage.run(Self.local, settings: ["EVL_DIST": program.path])
      #expect(outcome.code == 69 && outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("built with MPICH, whose launcher is missing; install mpich"))
      let wrong = try stage.run(Self.finder, [program.path], settings: ["EVL_MPIRUN": "nowhere"])
      #expect(wrong.code == 69 && wrong.errors == "EVL_MPIRUN is nowhere, which is no program\n")
    }
    #expect(try withStage { try $0.run(Self.finder).code } == 64)
  }

  @Test func aKilledRankOfMPICHIsLostWithCode76() throws {
    try withTwoMPIs(library: "libmpich.so.12") { stage, program in
      let outcome = try stage.run(Self.local, ["-n", "2"], settings: ["EVL_DIST": program.path, "CODE": "9"])
      #expect(outcome.code == 76 && outcome.errorLines.count == 1 && outcome.errors.contains("signal 9"))
      #expect(stage.text("arguments") == "-n\n2\n\(program.path)\n")
      #expect(try stage.run(Self.local, settings: ["EVL_DIST": program.path, "CODE": "75"]).code == 75)
    }
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGUSR1, SIGUSR2])
  func aStopOfMPICHIsASavedStop(signal: Int32) throws {
    try withTwoMPIs(library: "libmpich.so.12") { stage, program in
      let outcome = try stage.run(Self.local, settings: ["EVL_DIST": program.path]) { Stage.send(signal, to: $0) }
      #expect(outcome.code == 75 && stage.text("saved") == "saved\n")
    }
  }

  /// SIGTERM would only be handed on once more.
  @Test func aStopThatMPICHsRanksDoNotHearIsForced() throws {
    let deaf = Self.hydra.replacingOccurrences(of: "exit 75", with: ":")
    try withTwoMPIs(library: "libmpich.so.12", hydra: deaf) { stage, program in
      let outcome = try stage.run(Self.local, ["--grace", "1"], settings: ["EVL_DIST": program.path]) {
        Stage.send(SIGTERM, to: $0)
      }
      #expect(outcome.code == 137 && outcome.errors.contains("the newest checkpoint stands"), "\(outcome)")
      #expect(stage.text("saved") == "saved\n" && stage.text("asked") == "")
    }
  }
}
