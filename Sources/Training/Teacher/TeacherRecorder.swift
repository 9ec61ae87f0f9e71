import Autograd
import Corpus
import Distillation
import Models
import Tensors

/// Runs a live teacher over single samples and hands what a store keeps of them to a file.
///
/// The states are those that training on the live teacher sees, bit for bit, as long as they are kept in F32.
public final class TeacherRecorder {
  private let live: LiveTeacherStates
  private let plan: TeacherStoreIndex

  /// - Parameters:
  ///   - precision: of the products.
  ///   - plan: says which states are kept, and how.
  public init(_ teacher: any VisionLanguageModel<Float>, precision: Precision, plan: TeacherStoreIndex) {
    let observed: ObservedStates = plan.layers.isEmpty && !plan.attention ? [] : .layers
    live = LiveTeacherStates(teacher: teacher, needs: observed, precision: precision, pool: BufferPool())
    self.plan = plan
  }

  /// A sample's tensors under their names in the store.
  ///
  /// - Parameters:
  ///   - withView: whether the visual tokens are among them.
  /// - Throws: `UserError` (bad input) naming the sample where the input does not fit the teacher, or its states are not
  ///   finite numbers.
  public func tensors(of input: PreparedInput, sample: StoredSample, withView: Bool) throws -> SafetensorsWriter {
    try check(input, sample)
    let states = live.part(input)
    var writer = SafetensorsWriter()
    func add(_ name: String, _ tensor: Tensor<Float>) throws {
      guard tensor.isFinite else {
        throw UserError(
          .badInput, "the teacher's \(name) is not finite numbers",
          remedy: "look at this record, or at the teacher's weights")
      }
      if plan.elementType == BFloat16.safetensorsType {
        writer.add(roundedToBF16: tensor, as: name)
      } else {
        writer.add(name, tensor)
      }
    }
    let (name, conversation) = (sample.name, input.conversation)
    let length = conversation.ids.count
    try add("hidden.last/\(name)", states.hidden.value)
    if withView { try add("visual/\(sample.view)", states.visual.value) }
    for layer in plan.layers {
      guard let layers = states.layers else { break }
      try add("hidden.\(layer)/\(name)", layers.hidden[layer - 1].value)
      if plan.attention {
        try add("attention.\(layer)/\(name)", layers.scores[layer - 1].value.reshaped([length, length]))
      }
    }
    if plan.attention, let layers = states.layers { try add("embedding/\(name)", layers.embeddings.value) }
    writer.add("ids/\(name)", integers: conversation.ids.map(Int.init), shape: [length])
    writer.add(
      "answers/\(name)", bytes: conversation.labels.map { $0 == TokenizedConversation.ignored ? 0 : 1 },
      shape: [length])
    return writer
  }

  /// Refuses ids outside of the vocabulary, and other numbers of image tokens than the images have visual tokens.
  private func check(_ input: PreparedInput, _ sample: StoredSample) throws {
    do {
      try live.teacher.check(ShardComputation.batch([input], pool: live.pool))
    } catch let error as UserError {
      throw UserError(error.kind, "\(sample.name), as the teacher sees it: \(error.message)", remedy: error.remedy)
    }
  }

  /// The output head, as exact as the teacher has it.
  public func head() -> SafetensorsWriter {
    var writer = SafetensorsWriter()
    let head = live.teacher.head.kept
    if case .rounded(let rounded) = head {
      writer.add("head", rounded)
    } else {
      writer.add("head", head.exact())
    }
    return writer
  }
}
