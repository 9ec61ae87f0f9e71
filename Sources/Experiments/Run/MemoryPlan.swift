import Autograd
import Cluster
import Corpus
import Evaluation
import Foundation
import Models
import Tensors
import Training

/// What a run will take of memory: of each rank, and of a node once however many ranks it has.
struct MemoryPlan {
  /// Bytes of a rank by what they are for.
  private(set) var own: [(name: String, bytes: Int)] = []
  /// Bytes of a node.
  private(set) var shared: [(name: String, bytes: Int)] = []

  /// One model that is trained or learned from.
  struct Part {
    var blueprint: ModelBlueprint
    /// The inputs of each shard looked at; the largest is planned for.
    var shards: [[InputSize]]

    /// Bytes of the pixels of a number of tiles.
    func pixels(_ tiles: Int) -> Int {
      let vision = blueprint.configuration.vision
      return 4 * tiles * vision.channels * vision.imageSize * vision.imageSize
    }

    fileprivate func largest(_ bytes: ([InputSize]) -> Int) -> Int { shards.map(bytes).max() ?? 0 }
  }

  var perRank: Int { own.reduce(0) { $0 + $1.bytes } }
  /// What the ranks of a node share.
  var perNode: Int { shared.reduce(0) { $0 + $1.bytes } }
  /// All of a node.
  func node(ranks: Int) -> Int { perRank * ranks + perNode }

  /// - Parameters:
  ///   - layout: everything that is trained.
  ///   - teacher: where one runs.
  ///   - rounds: shards a rank does in a step, at most.
  /// - Throws: `UserError` for a model folder that cannot be used.
  init(
    _ configuration: RunConfiguration, layout: ParameterLayout, student: Part, teacher: Part?, ranks: Int, rounds: Int
  ) throws {
    let train = configuration.train
    let precision = train.arithmetic
    let trained = layout.count
    let training = TrainingMemory.bytes(layout, precision: precision)
    let parts = [
      ("trained weights", (precision == .bf16 ? 6 : 4) * trained), ("moments of AdamW", 8 * trained),
      ("their folded gradient", training.node - (precision == .bf16 ? 14 : 12) * trained),
    ]
    for part in parts { add(part.0, part.1, isShared: train.sharing != .private) }
    add("buckets of the gradient", training.rank)
    let connector = student.blueprint.configuration.connectorName
    if let norms = PartNorms.bytes(configuration.objective, layout: layout, connector: connector) {
      add("gradients of the loss terms", norms.node, isShared: train.sharing != .private)
      add("their buckets", norms.rank)
    }
    add("copies for a save", min(configuration.checkpoint.memory << 20, 12 * trained), isShared: true)
    var converted = 0
    if let adaptation = train.adaptation {
      let frozen = adaptation.frozen(of: student.blueprint.configuration.layout)
      let memory = try Self.memory(student.blueprint, frozen, precision, isBase: true)
      add("student's frozen weights", memory, sharesCopies: train.sharing != .private)
      // Saving forms one tensor after another in single precision, where it is kept otherwise or has an adapter.
      add("a merged tensor", max(memory.widened, 4 * adaptation.largestTarget(of: frozen)))
      converted = memory.conversion
    }
    let activations = Self.training(student, layout: layout, train, converted: converted)
    add("student's activations", activations)
    if let teacher {
      let memory = try Self.memory(teacher.blueprint, teacher.blueprint.configuration.layout, precision, isBase: false)
      add("teacher's weights", memory)
      add("teacher's activations", Self.forward(teacher, precision, converted: memory.conversion))
    }
    let sides = [student] + (teacher.map { [$0] } ?? [])
    add(
      "pixels made ready",
      sides.reduce(0) { $0 + Self.prepared($1, shards: rounds, ahead: configuration.data.ahead) })
    add("program and data", ProcessMemory.resident)
  }

  private mutating func add(_ name: String, _ bytes: Int, isShared: Bool = false) {
    if isShared { shared.append((name, bytes)) } else { own.append((name, bytes)) }
  }

  /// - Parameter sharesCopies: whether what is not mapped is kept once a node.
  private mutating func add(_ name: String, _ frozen: FrozenMemory, sharesCopies: Bool = false) {
    if frozen.own > 0 { add(name, frozen.own, isShared: sharesCopies) }
    if frozen.shared > 0 { shared.append((name + ", mapped", frozen.shared)) }
  }

  /// - Parameter isBase: whether adapters are trained beside the weights.
  private static func memory(
    _ blueprint: ModelBlueprint, _ part: ParameterLayout, _ precision: Precision, isBase: Bool
  ) throws -> FrozenMemory {
    guard let folder = blueprint.folder else { return FrozenMemory(random: part, precision: precision) }
    return try ModelFolder(folder).frozenMemory(precision: precision, part: part, roundsF32: isBase)
  }

  private static func training(
    _ part: Part, layout: ParameterLayout, _ train: RunConfiguration.Train, converted: Int
  ) -> Int {
    let trainsTower = layout.entries.contains { $0.name.contains("vision_model.") }
    return part.largest { inputs in
      ActivationMemory(
        tiles: inputs.reduce(0) { $0 + $1.tiles }, lengths: inputs.map(\.tokens),
        logitRows: inputs.reduce(0) { $0 + $1.answerTokens }, precision: train.arithmetic,
        recomputesBlocks: train.recompute, trainsTower: trainsTower
      ).training(part.blueprint.configuration, converted: converted)
    }
  }

  /// A teacher reads one sample at a time.
  private static func forward(_ part: Part, _ precision: Precision, converted: Int) -> Int {
    part.shards.joined().map {
      ActivationMemory(tiles: $0.tiles, lengths: [$0.tokens], logitRows: 0, precision: precision)
        .forward(part.blueprint.configuration, converted: converted)
    }.max() ?? 0
  }

  /// Samples of the running step and of those prepared ahead, with two more copies of the one being made.
  private static func prepared(_ part: Part, shards: Int, ahead: Int) -> Int {
    let largest = part.shards.joined().map(\.tiles).max() ?? 0
    return (ahead + 1) * shards * part.largest { part.pixels($0.reduce(0) { $0 + $1.tiles }) } + 2
      * part.pixels(largest)
  }

  /// The plan as rows of a table.
  func add(to table: inout TextTable, ranksPerNode: Int) {
    for part in own { table.row("  " + part.name, Self.text(part.bytes) + " a rank") }
    for part in shared { table.row("  " + part.name, Self.text(part.bytes) + " a node") }
    table.row("memory per rank", Self.text(perRank + perNode) + (shared.isEmpty ? "" : ", with what is shared"))
    table.row("memory per node", Self.text(node(ranks: ranksPerNode)))
  }

  static func text(_ bytes: Int) -> String {
    bytes < 1_000_000_000
      ? String(format: "%.1f MB", Double(bytes) / 1e6) : String(format: "%.2f GB", Double(bytes) / 1e9)
  }
}
