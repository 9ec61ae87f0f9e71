import Foundation

/// Python with packages of others that read what this program writes, in a virtual environment that the first test to ask
/// makes in `.build`.
public enum PythonReaders {
  private static let packages = ["tensorboard==2.21.0", "safetensors==0.8.0"]
  private static let modules = "tensorboard, safetensors.numpy"

  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(".build/python-readers")

  /// Whether there is such a Python; prints a clear line where there is none.
  public static let arePresent: Bool = {
    if imports { return true }
    let python = folder.appendingPathComponent("bin/python").path
    let made =
      run(["timeout", "60", "python3", "-m", "venv", folder.path])
      ?? run(["timeout", "420", python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"] + packages)
    if made == nil, imports { return true }
    print(
      "skipped: no Python with \(packages.joined(separator: " and ")) (python3-venv and PyPI are needed once): "
        + (made ?? "they cannot be imported").replacingOccurrences(of: "\n", with: " "))
    return false
  }()

  private static var imports: Bool {
    run([folder.appendingPathComponent("bin/python").path, "-c", "import \(modules)"]) == nil
  }

  /// What a script beside a test prints, as JSON. - Throws: an error with what it says where it fails.
  public static func json<T: Decodable>(_ script: URL, _ arguments: [String], as type: T.Type = T.self) throws -> T {
    let outcome = try start(
      ["timeout", "120", folder.appendingPathComponent("bin/python").path, script.path] + arguments)
    guard outcome.code == 0 else { throw Failure(description: outcome.errors) }
    return try JSONDecoder().decode(T.self, from: outcome.output)
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// The last words of a command that fails; nil for one that does not.
  private static func run(_ command: [String]) -> String? {
    do {
      let outcome = try start(command)
      return outcome.code == 0 ? nil : String(outcome.errors.suffix(300))
    } catch { return error.localizedDescription }
  }

  private static func start(_ command: [String]) throws -> (code: Int32, output: Data, errors: String) {
    try withTemporaryFolder { scratch in
      let errors = scratch.appendingPathComponent("errors")
      try Data().write(to: errors)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = command
      process.standardInput = FileHandle.nullDevice
      let output = Pipe()
      process.standardOutput = output
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
      let data = output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return (process.terminationStatus, data, (try? String(contentsOf: errors, encoding: .utf8)) ?? "")
    }
  }
}
