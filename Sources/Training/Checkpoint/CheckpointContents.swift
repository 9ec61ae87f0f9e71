import Autograd
import Cluster
import Foundation
import Models
import Tensors

/// What one rank writes of a checkpoint: the model's folder and the objective's weights on rank 0, and its share of the
/// optimizer's pieces on every rank that shares rank 0's memory. They are cut by place, not by rank.
struct CheckpointContents: @unchecked Sendable {
  // Sendable because the numbers are read through the snapshot alone, and nothing else here changes.
  static let objectiveName = "objective.safetensors"
  /// Elements of one optimizer file: 256 MB of each moment.
  private static let pieceElements = 64 << 20
  /// Elements that are read, or copied, at a time.
  private static let chunkElements = 4 << 20

  let snapshot: Snapshot
  private var writers: [(URL) throws -> String?] = []

  /// - Parameters:
  ///   - inConversations: as of `ModelBlueprint.remark`.
  init(_ trainee: Trainee, inConversations: Bool) {
    snapshot = Snapshot()
    let groups = trainee.memory.node.groups
    guard groups.index == 0 else { return }
    if groups.member == 0 { addModel(trainee, inConversations: inConversations) }
    for (index, range) in Self.pieces(of: trainee).enumerated() where index % groups.size == groups.member {
      addPiece(index, range, trainee.memory)
    }
  }

  /// The stretches of the moments that are one file each.
  static func pieces(of trainee: Trainee) -> [Range<Int>] {
    cut(0..<trainee.arena.layout.count, by: pieceElements)
  }

  static func pieceName(_ index: Int) -> String { "optimizer-\(String(format: "%05d", index)).safetensors" }

  static func objective(of trainee: Trainee) -> [Parameter<Float>] {
    trainee.arena.parameters.filter { $0.name.hasPrefix(Trainee.objectivePrefix) }
  }

  private static func cut(_ range: Range<Int>, by length: Int) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: length).map { $0..<min(range.upperBound, $0 + length) }
  }

  private mutating func addModel(_ trainee: Trainee, inConversations: Bool) {
    let snapshot = snapshot
    let own = trainee.ownParameters
    let regions = Dictionary(uniqueKeysWithValues: own.map { ($0.name, add(inPieces: $0.value)) })
    func pieces(_ entry: ParameterLayout.Entry) -> [() -> Tensor<Float>] {
      guard let regions = regions[entry.name] else { preconditionFailure("\(entry.name) is not trained") }
      return regions.map { region in { snapshot.take(region) } }
    }
    let (blueprint, adaptation) = (trainee.blueprint, trainee.adaptation)
    writers.append { folder in
      if let adaptation {
        let base = blueprint.folder?.standardizedFileURL.path
        try AdapterFolder.save(own, adaptation, base: base, to: folder) { pieces($0.entry) }
        // The model's folder tells another one, or none; PEFT's folders hold the template likewise.
        try blueprint.tellTemplate(in: folder, inConversations: inConversations)
      } else {
        try blueprint.save(to: folder, inConversations: inConversations, weights: pieces)
      }
      return nil
    }
    let objective = Self.objective(of: trainee).map { ($0.entry, add(inPieces: $0.value)) }
    guard !objective.isEmpty else { return }
    writers.append { folder in
      var writer = SafetensorsWriter()
      for (entry, regions) in objective {
        writer.add(entry.name, entry.shape, pieces: regions.map { region in { snapshot.take(region) } })
      }
      try writer.write(to: folder.appendingPathComponent(Self.objectiveName))
      return nil
    }
  }

  private func add(inPieces numbers: Tensor<Float>) -> [Int] {
    Self.cut(0..<numbers.count, by: Self.chunkElements).map { snapshot.add(numbers.range($0)) }
  }

  private mutating func addPiece(_ index: Int, _ range: Range<Int>, _ memory: TrainingMemory) {
    let snapshot = snapshot
    let moments = [("moment1", memory.moment1), ("moment2", memory.moment2)].map { name, moment in
      (name, add(inPieces: moment.range(range)))
    }
    writers.append { folder in
      var writer = SafetensorsWriter(metadata: ["first": "\(range.lowerBound)", "end": "\(range.upperBound)"])
      for (name, regions) in moments {
        writer.add(name, [range.count], pieces: regions.map { region in { snapshot.take(region) } })
      }
      try writer.write(to: folder.appendingPathComponent(Self.pieceName(index)))
      return Self.pieceName(index)
    }
  }

  /// Writes this rank's files; afterwards, or where it fails, the snapshot is let go of.
  ///
  /// - Returns: the optimizer's files with their checksums; rank 0 seals the others.
  func write(to folder: URL) throws -> [Checkpoint.Manifest.File] {
    let names = Result { try writers.compactMap { try $0(folder) } }
    snapshot.end()
    return try CheckpointWriter.seal(try names.get(), in: folder)
  }
}
