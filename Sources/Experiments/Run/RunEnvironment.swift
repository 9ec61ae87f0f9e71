import Cluster
import Foundation
import Tensors

/// `environment.json` of a run folder: which program, called how, on which machines made the newest start. `starts.jsonl`
/// beside it holds the same of every start, a line each.
public struct RunEnvironment: Encodable, Sendable {
  /// Name and version of the program.
  public var program: String
  /// Of the sources it was built from.
  public var commit: SourceCommit
  /// The command line of rank 0, the program first.
  public var command: [String]
  public var workingFolder: String
  /// Time of the start, ISO 8601.
  public var started: String
  /// Processor type whose matrix kernels run, and their library: the bits depend on both.
  public var processorType: String
  public var matrixLibrary: String
  /// The MPI library, and Swift's own libraries.
  public var messagePassing: String
  public var swift: String
  /// The hosts, with what they have and what a container leaves of it.
  public var nodes: [MachineReport.Node]
  /// Where each rank runs.
  public var ranks: [RankPlace]

  /// - Parameters:
  ///   - messagePassing: name and version of the MPI library.
  ///   - commit: only rank 0, which writes, needs to know.
  public init(
    program: String, topology: Topology, messagePassing: String, commit: SourceCommit,
    command: [String] = ProcessArguments.all, date: Date = Date()
  ) {
    self.program = program
    self.commit = commit
    self.command = command
    workingFolder = FileManager.default.currentDirectoryPath
    started = ISO8601DateFormatter().string(from: date)
    processorType = ProductLibrary.coreType
    matrixLibrary = ProductLibrary.version
    self.messagePassing = messagePassing
    swift = "\(_SwiftStdlibVersion.current)"
    nodes = topology.nodes.map { MachineReport.Node($0) }
    ranks = topology.places
  }

  static let fileName = "environment.json"
  static let historyName = "starts.jsonl"

  func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    try Self.append(try encoder.encode(self) + [0x0A], to: folder.appendingPathComponent(Self.historyName))
    try reportJSON().write(to: folder.appendingPathComponent(Self.fileName), options: .atomic)
  }

  /// Name and version of the program that made the newest start in a run folder, with its commit where that is certain; nil
  /// where it is not told.
  static func maker(of folder: URL) -> String? {
    struct Maker: Decodable {
      var program: String
      var commit: String?
    }
    guard let data = try? Data(contentsOf: folder.appendingPathComponent(fileName)),
      let maker = try? JSONDecoder().decode(Maker.self, from: data)
    else { return nil }
    return maker.program + (maker.commit.map { " of \($0)" } ?? "")
  }

  /// The folder in which the newest start of a run was started; nil where it is not told.
  static func workingFolder(of folder: URL) -> URL? {
    struct Start: Decodable {
      var workingFolder: String
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let data = try? Data(contentsOf: folder.appendingPathComponent(fileName)),
      let start = try? decoder.decode(Start.self, from: data)
    else { return nil }
    return URL(fileURLWithPath: start.workingFolder)
  }

  private static func append(_ line: Data, to url: URL) throws {
    if !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
    let file = try FileHandle(forWritingTo: url)
    try file.seekToEnd()
    try file.write(contentsOf: line)
    try file.close()
  }
}
