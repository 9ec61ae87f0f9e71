import Autograd
import Cluster
import Distillation
import Models
import Tensors

/// The model in training: one flat memory of weights and one of gradients that hold the student and, behind it, the
/// objective's own parameters.
public final class Trainee {
  /// Beginning of the names of the objective's own parameters.
  public static let objectivePrefix = "objective."
  public let blueprint: ModelBlueprint
  public let arena: ParameterArena<Float>
  public let model: any VisionLanguageModel<Float>
  /// Absent for cross-entropy alone.
  public let method: (any DistillationMethod<Float>)?
  public let weights: Tensor<Float>
  public let gradients: Tensor<Float>

  /// - Parameters:
  ///   - blueprint: shape of the model, its tokenizer and view, and where its first weights come from.
  ///   - objective: what it is trained by; its parameters are declared where it needs any.
  ///   - teacher: the teacher's shape; nil for cross-entropy alone.
  ///   - precision: of the products; for bfloat16 the weights are also kept rounded.
  public init(
    _ blueprint: ModelBlueprint, objective: ObjectiveConfiguration, teacher: TeacherShape?, seed: UInt64,
    precision: Precision = .f32
  ) throws {
    self.blueprint = blueprint
    let configuration = blueprint.configuration
    let layout = try Self.layout(blueprint, objective: objective, teacher: teacher)
    weights = Tensor(zeros: [layout.count])
    gradients = Tensor(zeros: [layout.count])
    let arena = ParameterArena(
      layout: layout, weights: weights, gradients: gradients,
      rounded: precision == .bf16 ? Tensor(uninitialised: [layout.count]) : nil)
    self.arena = arena
    model = configuration.model(in: arena)
    method = Self.pair(configuration, teacher).flatMap {
      DistillationMethods.make(objective, pair: $0, arena: arena)
    }
    try blueprint.fill(arena, seed: seed)
  }

  /// Names, shapes and places of everything that is trained.
  public static func layout(
    _ blueprint: ModelBlueprint, objective: ObjectiveConfiguration, teacher: TeacherShape?
  ) throws -> ParameterLayout {
    var layout = blueprint.configuration.layout
    if let pair = pair(blueprint.configuration, teacher) {
      try DistillationMethods<Float>.declare(objective, pair: pair, into: &layout)
    }
    return layout
  }

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
