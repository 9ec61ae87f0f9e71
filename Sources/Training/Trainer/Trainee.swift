import Autograd
import Cluster
import Distillation
import Models
import Tensors

/// The model in training: one flat memory of weights that holds what is trained of the student and, behind it, the
/// objective's own parameters, once a node. What is frozen lies elsewhere.
public final class Trainee {
  /// Beginning of the names of the objective's own parameters.
  public static let objectivePrefix = "objective."
  public let blueprint: ModelBlueprint
  /// What is trained of the model; nil = all of it.
  public let adaptation: LowRankAdaptation?
  public let arena: ParameterArena<Float>
  public let model: any VisionLanguageModel<Float>
  /// Absent for cross-entropy alone.
  public let method: (any DistillationMethod<Float>)?
  /// Of the weights and of everything else that a node has once.
  public let memory: TrainingMemory
  /// Absent where everything is trained.
  private let copies: FrozenCopies?

  /// Collective: every rank makes the same model; where memory is shared, on the same memory.
  ///
  /// - Parameters:
  ///   - blueprint: shape of the model, its tokenizer and view, and where its first weights come from.
  ///   - objective: what it is trained by; its parameters are declared where it needs any.
  ///   - teacher: the teacher's shape; nil for cross-entropy alone.
  ///   - adaptation: what is trained of the model; nil = all of it.
  ///   - precision: of the products; for bfloat16 the weights are also kept rounded.
  ///   - sharing: how the ranks of a node share memory.
  /// - Throws: `UserError` for an adaptation that does not fit the model, or weights that cannot be read.
  public init(
    _ blueprint: ModelBlueprint, objective: ObjectiveConfiguration, teacher: TeacherShape?,
    adaptation: LowRankAdaptation? = nil, seed: UInt64, precision: Precision = .f32,
    communicator: any Communicator = SingleRank(), sharing: MemorySharing = .auto
  ) throws {
    self.blueprint = blueprint
    self.adaptation = adaptation
    let configuration = blueprint.configuration
    let layout = try communicator.agree {
      try Self.layout(blueprint, objective: objective, teacher: teacher, adaptation: adaptation)
    }
    let frozen = try adaptation.map {
      try Self.frozen(
        blueprint, $0.frozen(of: configuration.layout), seed: seed, precision: precision, communicator: communicator,
        sharing: sharing)
    }
    memory = try TrainingMemory(layout, precision: precision, communicator: communicator, sharing: sharing)
    copies = frozen?.copies
    let arena = ParameterArena(
      layout: layout, weights: memory.weights, rounded: memory.rounded, base: frozen?.arena,
      adapterScale: Float(adaptation?.scale ?? 1))
    self.arena = arena
    model = configuration.model(in: arena)
    method = Self.pair(configuration, teacher).flatMap {
      DistillationMethods.make(objective, pair: $0, arena: arena)
    }
    try communicator.agree { if memory.node.groups.isLeader { try blueprint.fill(arena, seed: seed) } }
    try memory.node.meet()
  }

  /// Collective: the frozen weights that adapters stand beside, once a node.
  private static func frozen(
    _ blueprint: ModelBlueprint, _ part: ParameterLayout, seed: UInt64, precision: Precision,
    communicator: any Communicator, sharing: MemorySharing
  ) throws -> (arena: ParameterArena<Float>, copies: FrozenCopies) {
    let copied = try communicator.agree { try blueprint.copiedEntries(of: part, precision: precision) }
    let copies = try FrozenCopies(
      copied, of: part.entries.count, precision: precision, communicator: communicator, sharing: sharing)
    let arena = try communicator.agree {
      try blueprint.frozenArena(seed: seed, precision: precision, part: part, roundsF32: true, keep: copies.keep)
    }
    try copies.complete()
    return (arena, copies)
  }

  /// Collective: compares what every node has a copy of. - Throws: `AgreedError` naming tensor and rank.
  func compareReplicas() throws {
    try memory.compareReplicas()
    if let copies, let base = arena.base { try copies.compareReplicas(base) }
  }

  /// Names, shapes and places of everything that is trained.
  /// - Throws: `UserError` for an adaptation that does not fit the model or the objective.
  public static func layout(
    _ blueprint: ModelBlueprint, objective: ObjectiveConfiguration, teacher: TeacherShape?,
    adaptation: LowRankAdaptation? = nil
  ) throws -> ParameterLayout {
    let model = blueprint.configuration.layout
    var layout = try adaptation?.layout(of: model) ?? model
    let connector = blueprint.configuration.connectorName
    guard !objective.adaptsWeights || layout.entries.contains(where: { $0.name == connector }) else {
      throw UserError(
        .usage, "objective.weighting gradnorm measures gradients by the connector, which is not trained",
        remedy: "add connector to train.lora.full, or set objective.weighting to fixed")
    }
    if let pair = pair(blueprint.configuration, teacher) {
      try DistillationMethods<Float>.declare(objective, pair: pair, into: &layout)
    }
    return layout
  }

  /// What is trained of the model itself.
  var ownParameters: [Parameter<Float>] { arena.parameters.filter { !$0.name.hasPrefix(Self.objectivePrefix) } }

  private static func pair(_ student: any ModelConfiguration, _ teacher: TeacherShape?) -> ModelPair? {
    teacher.map {
      ModelPair(
        widths: ObjectiveWidths(
          student: student.text.hiddenSize, teacher: $0.hiddenWidth, studentVisual: student.text.hiddenSize,
          teacherVisual: $0.visualWidth),
        studentLayers: student.text.layers, teacherLayers: $0.layers)
    }
  }
}
