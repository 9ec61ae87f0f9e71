import Foundation
import Testing

/// launch/install-dependencies on made-up machines: nothing is installed here.
@Suite struct DependencyTests {
  private static let script = Stage.launch.appendingPathComponent("install-dependencies")

  /// What the script itself is made of.
  private static let shell = ["bash", "cat", "sed", "sort", "head", "env", "timeout"]

  /// A machine that lacks cairo until apt-get has installed it.
  private func withMachine<T>(
    user: Int = 0, swift: String? = "Swift version 6.1 (swift-6.1-RELEASE)", debian: Bool = true, works: Bool = true,
    _ body: (Stage) throws -> T
  ) throws -> T {
    try withStage(borrowed: Self.shell) { stage in
      for name in ["make", "cmake", "git", "g++", "mpirun"] { try stage.program(name, "exit 0") }
      try stage.program("find", "echo DejaVuSans.ttf")
      try stage.program("id", "echo \(user)")
      try stage.program("pkg-config", "[ \"$2\" != cairo ] || [ -e \"$STAGE/cairo\" ]")
      if debian {
        try stage.program("dpkg", "exit 0")
        let install = works ? "echo yes >\"$STAGE/cairo\"" : "exit 100"
        try stage.program(
          "apt-get", "echo \"$DEBIAN_FRONTEND $*\" >>\"$STAGE/apt\"; case \" $* \" in *' install '*) \(install) ;; esac"
        )
      }
      if let swift { try stage.program("swift", "echo '\(swift)'") }
      return try body(stage)
    }
  }

  @Test func rootInstallsWhatIsMissingAndNothingElse() throws {
    try withMachine { stage in
      let outcome = try stage.run(Self.script)
      #expect(outcome.code == 0)
      let calls = stage.text("apt").split(separator: "\n")
      #expect(calls.count == 2)
      #expect(calls.first?.hasSuffix(" update") == true)
      #expect(calls.last?.hasPrefix("noninteractive ") == true)
      #expect(calls.last?.hasSuffix(" install -y --no-install-recommends libcairo2-dev") == true)
      let second = try stage.run(Self.script)
      #expect(second.code == 0)
      #expect(stage.text("apt").split(separator: "\n").count == 2, "nothing is missing the second time")
    }
  }

  @Test func withoutRightsOneLineNamesTheCommand() throws {
    try withMachine(user: 1000) { stage in
      let outcome = try stage.run(Self.script)
      #expect(outcome.code == 69)
      #expect(outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("apt-get install -y --no-install-recommends libcairo2-dev"))
      #expect(stage.text("apt") == "")
    }
  }

  @Test func sudoWithoutPasswordInstalls() throws {
    try withMachine(user: 1000) { stage in
      try stage.program("sudo", "[ \"$1\" = -n ] && shift && exec \"$@\"")
      try stage.program("true", "exit 0")
      let outcome = try stage.run(Self.script)
      #expect(outcome.code == 0)
      #expect(stage.text("apt").contains("libcairo2-dev"))
    }
  }

  @Test func aFailedInstallationNamesTheCommand() throws {
    try withMachine(works: false) { stage in
      let outcome = try stage.run(Self.script)
      #expect(outcome.code == 69)
      #expect(outcome.errors.contains("could not install") && outcome.errors.contains("libcairo2-dev"))
    }
  }

  @Test func anotherSystemIsToldWhatIsNeeded() throws {
    try withMachine(debian: false) { stage in
      let outcome = try stage.run(Self.script)
      #expect(outcome.code == 69)
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains("libcairo2-dev"))
    }
  }

  @Test(arguments: ["Swift version 6.0.3 (swift-6.0.3-RELEASE)", "Swift version 5.10", "no version at all"])
  func anOldSwiftIsRefused(version: String) throws {
    try withMachine(swift: version) { stage in
      let outcome = try stage.run(Self.script)
      #expect(outcome.code == 69)
      #expect(outcome.errors.contains("6.1") && outcome.errors.contains("swift.org/install"))
    }
  }

  @Test(arguments: [
    "Swift version 6.1", "Apple Swift version 6.2.1 (swiftlang)", "Swift version 6.10-dev", "Swift version 7.0",
  ])
  func aNewerSwiftIsTaken(version: String) throws {
    try withMachine(swift: version) { stage in
      let outcome = try stage.run(Self.script)
      #expect(outcome.code == 0)
    }
  }

  private static let testsOnly = ". '\(script.path)'; install_test_dependencies"

  @Test func whatTestsNeedIsInstalledWithoutServicesAndNeverFails() throws {
    for works in [true, false] {
      try withMachine(works: works) { stage in
        let script = try stage.file("tests-only", Self.testsOnly)
        let outcome = try stage.run(script, settings: ["EVL_INIT_SYSTEM": "/nowhere"])
        #expect(outcome.code == 0)
        #expect(
          stage.text("apt").contains(" install -y --no-install-recommends ")
            && stage.text("apt").contains("slurm-client"))
        #expect(outcome.errors.contains("skip themselves") == !works, "\(outcome)")
      }
    }
  }

  @Test func aMachineThatStartsServicesIsLeftAlone() throws {
    try withMachine { stage in
      let script = try stage.file("tests-only", Self.testsOnly)
      let outcome = try stage.run(script, settings: ["EVL_INIT_SYSTEM": stage.folder.path])
      #expect(outcome.code == 0 && stage.text("apt") == "")
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains("slurm-client"))
    }
  }
}
