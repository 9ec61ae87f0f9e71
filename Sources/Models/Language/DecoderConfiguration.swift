import Autograd
import Tensors

/// Shape of a decoder of the Llama kind (Llama, Vicuna, Mistral, Qwen2), under the names of its `text_config`.
public struct DecoderConfiguration: Equatable, Sendable {
  /// The families differ in defaults and in which maps have biases.
  public enum Family: String, CaseIterable, Sendable { case llama, mistral, qwen2 }

  public var family = Family.llama
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layers: Int
  public var heads: Int
  public var keyValueHeads: Int
  public var headWidth: Int
  public var vocabularySize: Int
  public var ropeTheta = 10_000.0
  public var ropeScaling = RotaryScaling.none
  public var rmsNormEpsilon = 1e-5
  public var maximumPositions = 2048
  public var initializerRange = 0.02
  /// Of the gated unit: down(activation(gate x) * up x).
  public var activation = Activation.silu
  /// Whether queries, keys and values have a bias.
  public var hasQueryBias = false
  /// Whether the attention's output map has a bias.
  public var hasOutputBias = false
  /// Whether the three maps of the gated unit have a bias.
  public var hasInnerBias = false
  /// Longest sequence whose attention is not cut by a sliding window; nil = no window.
  public var slidingWindow: Int?

  public init(
    hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int, keyValueHeads: Int, headWidth: Int? = nil,
    vocabularySize: Int
  ) {
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layers = layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth ?? hiddenSize / max(1, heads)
    self.vocabularySize = vocabularySize
  }

  /// Sizes that must be above 0, under their keys.
  var sizes: [(key: String, value: Int)] {
    [
      ("text_config.hidden_size", hiddenSize), ("text_config.intermediate_size", intermediateSize),
      ("text_config.num_attention_heads", heads), ("text_config.num_key_value_heads", keyValueHeads),
      ("text_config.head_dim", headWidth), ("text_config.vocab_size", vocabularySize),
    ]
  }

  /// What no decoder can be built from.
  func findProblems(_ problems: inout ConfigurationProblems) {
    problems.check(
      heads % keyValueHeads == 0, "text_config.num_key_value_heads", keyValueHeads,
      "a divisor of num_attention_heads \(heads)")
    problems.check(headWidth % 2 == 0, "text_config.head_dim", headWidth, "an even number, for rotary positions")
  }
}

/// What no model can be built from, collected so that all of it is reported at once.
struct ConfigurationProblems {
  private var lines: [(key: String, found: String, expected: String)] = []

  mutating func check(_ holds: Bool, _ key: String, _ found: Any, _ expected: String) {
    if !holds { lines.append((key, "\(found)", expected)) }
  }

  /// - Throws: `UserError` naming every offending key of `file`.
  func raise(file: String) throws {
    guard !lines.isEmpty else { return }
    let text = lines.map { "\(file): key \($0.key) is \($0.found), expected \($0.expected)" }
    throw UserError(.badInput, text.joined(separator: "\n"), remedy: JSONFields.remedy)
  }

  /// - Throws: `UserError` naming the first size that is not above 0.
  static func requirePositive(_ sizes: [(key: String, value: Int)], file: String) throws {
    if let (key, value) = sizes.first(where: { $0.value < 1 }) {
      throw UserError(
        .badInput, "\(file): key \(key) is \(value), expected an integer above 0", remedy: JSONFields.remedy)
    }
  }
}
