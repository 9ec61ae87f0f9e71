import Foundation

/// Runs a program built by this package under mpirun, one mpirun at a time on this machine and never without a limit.
///
/// EVL_TESTED_PROGRAMS=FOLDER: the programs there in place of those built with the tests, such as ones of another MPI.
public enum MPIRun {
  /// The MPI libraries that programs are built with.
  public enum Library: Sendable { case openMPI, mpich }

  public struct Outcome: Sendable {
    public var code: Int32
    public var output: String
    public var errors: String
    public var seconds: Double

    public var lines: [String] { output.split(whereSeparator: \.isNewline).map(String.init) }
  }

  /// Whether the tested programs' mpirun is installed; prints a clear line when it is not.
  public static var isPresent: Bool {
    if launcher.isEmpty { print("skipped: the tested programs' mpirun is missing (install openmpi-bin or mpich)") }
    return !launcher.isEmpty
  }

  /// Whether the tested programs are built with Open MPI; prints what is skipped where they are not.
  public static func isOpenMPI(_ what: String) -> Bool {
    if library != .openMPI { print("skipped: \(what) with Open MPI alone") }
    return library == .openMPI
  }

  /// The tested program of that name.
  public static func program(_ name: String) -> URL {
    let folder = ProcessInfo.processInfo.environment["EVL_TESTED_PROGRAMS"].map { URL(fileURLWithPath: $0) }
    return folder?.appendingPathComponent(name) ?? ownProgram(name)
  }

  /// The program of that name beside the running tests.
  public static func ownProgram(_ name: String) -> URL {
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent(name)
  }

  /// mpirun with what more ranks than processors need, as the library of the tested programs has it; empty without one.
  public static let launcher = mpirun(for: program("ClusterProbe"))

  /// The same for another program.
  public static func mpirun(for program: URL) -> [String] {
    let (code, name) = output(of: [script("mpi-launcher"), program.path])
    return code != 0 ? [] : library(of: program) == .openMPI ? [name, "--quiet", "--oversubscribe"] : [name]
  }

  /// The library that the tested programs are linked with.
  public static let library = library(of: program("ClusterProbe"))

  private static func library(of program: URL) -> Library {
    output(of: ["ldd", program.path]).text.contains("libmpich.so") ? .mpich : .openMPI
  }

  /// The exit code of mpirun where a rank was killed by SIGKILL and nothing else was said.
  public static var codeOfAKilledRank: Int32 { library == .openMPI ? 137 : 9 }

  /// The exit codes of a saved stop whose signal went to mpirun: MPICH's forgets the code of its ranks now and then.
  public static var codesOfASavedStop: Set<Int32> { library == .openMPI ? [75] : [75, 0] }

  /// mpirun's words for an environment variable of the program that follows.
  public static func giving(_ name: String, _ value: String) -> [String] {
    library == .openMPI ? ["-x", "\(name)=\(value)"] : ["-env", name, value]
  }

  private static func output(of command: [String]) -> (code: Int32, text: String) {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = pipe
    guard (try? process.run()) != nil else { return (-1, "") }
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  /// Runs the program on that many ranks and waits for its end.
  ///
  /// - Parameters:
  ///   - seconds: the limit, after which mpirun is ended and its code is 124 or 137.
  ///   - settings: more environment variables.
  ///   - started: called once the program has printed its first line, with that line.
  public static func run(
    ranks: Int, _ program: URL, _ arguments: [String] = [], seconds: Int = 60, settings: [String: String] = [:],
    folder: URL? = nil, started: ((String) throws -> Void)? = nil
  ) throws -> Outcome {
    try run(
      command: mpirun(for: program) + ["-n", "\(ranks)", program.path] + arguments, seconds: seconds,
      settings: settings, folder: folder, started: started)
  }

  /// A script of launch/.
  public static func script(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("launch/\(name)").path
  }

  /// Runs a command that starts mpirun, in the same way.
  public static func run(
    command: [String], seconds: Int = 60, settings: [String: String] = [:], folder: URL? = nil,
    started: ((String) throws -> Void)? = nil
  ) throws -> Outcome {
    try alone {
      try withTemporaryFolder { scratch in
        let output = scratch.appendingPathComponent("out")
        let errors = scratch.appendingPathComponent("err")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "-k", "5", "\(seconds)"] + command
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }.merging(settings) { $1 }
        if let folder { process.currentDirectoryURL = folder }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try handle(output)
        process.standardError = try handle(errors)
        let start = Date()
        try withoutBlockedSignals { try process.run() }
        if let started {
          while process.isRunning, !text(output).contains("\n") { usleep(20_000) }
          try started(text(output).split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
        }
        process.waitUntilExit()
        return Outcome(
          code: process.terminationStatus, output: text(output), errors: text(errors),
          seconds: Date().timeIntervalSince(start))
      }
    }
  }

  /// The process of the mpirun whose command line holds that text.
  public static func launcher(ofCommandWith text: String) -> pid_t? {
    process { _, words in
      guard let first = words.first, let own = launcher.first else { return false }
      return first.split(separator: "/").last == own.split(separator: "/").last && words.contains { $0.contains(text) }
    }
  }

  /// The first process that is wanted, told of by its number and the words of its command line.
  public static func process(where isWanted: (pid_t, [String]) -> Bool) -> pid_t? {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) } ?? []
    return processes.first { isWanted($0, words("cmdline", of: $0)) }
  }

  /// The words of a process's `cmdline` or `environ`.
  public static func words(_ file: String, of process: pid_t) -> [String] {
    (FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data()).split(separator: 0)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// The processes that a process has started; of MPICH's mpirun, those that its proxy has.
  public static func ranks(of launcher: pid_t) -> [pid_t] {
    func children(_ parent: pid_t) -> [pid_t] {
      let text = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
      return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
    }
    return library == .openMPI ? children(launcher) : children(launcher).flatMap(children)
  }

  /// Root, containers and more ranks than processors.
  private static let environment = [
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
  ]

  /// Holds a lock that all test processes of this machine share.
  private static func alone<T>(_ body: () throws -> T) throws -> T {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("evl-dist-mpirun.lock").path
    let file = open(path, O_RDWR | O_CREAT, 0o666)
    guard file >= 0, flock(file, LOCK_EX) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    defer { close(file) }
    return try body()
  }

  /// A child inherits the signal mask, and the threads that run tests block every signal.
  private static func withoutBlockedSignals<T>(_ body: () throws -> T) rethrows -> T {
    var none = sigset_t()
    var before = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
  }

  private static func handle(_ file: URL) throws -> FileHandle {
    try Data().write(to: file)
    return try FileHandle(forWritingTo: file)
  }

  private static func text(_ file: URL) -> String { (try? String(contentsOf: file, encoding: .utf8)) ?? "" }
}
