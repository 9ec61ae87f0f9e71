import Cluster
import Foundation
import Tensors

/// `environment.json` of a run folder: which program on which machines made the newest start.
public struct RunEnvironment: Codable, Sendable {
  /// Name and version of the program.
  public var program: String
  /// Time of the start, ISO 8601.
  public var started: String
  /// Processor type whose matrix kernels run, and their library: the bits depend on both.
  public var processorType: String
  public var matrixLibrary: String
  /// Where each rank runs.
  public var ranks: [RankPlace]

  public init(program: String, topology: Topology, date: Date = Date()) {
    self.program = program
    started = ISO8601DateFormatter().string(from: date)
    processorType = ProductLibrary.coreType
    matrixLibrary = ProductLibrary.version
    ranks = topology.places
  }

  func write(to folder: URL) throws {
    try reportJSON().write(to: folder.appendingPathComponent("environment.json"), options: .atomic)
  }
}
