import Autograd
import Distillation
import Models
import Tensors

/// Collects, during one forward pass, what a method looks at inside of the decoder.
final class LayerObserver {
  private var embeddings: Variable<Float>?
  private var hidden: [Variable<Float>] = []
  private var queries: [Variable<Float>] = []
  private var keys: [Variable<Float>] = []

  /// A `StateObserver`; layers come in their order.
  func observe(_ name: String, _ state: Variable<Float>) {
    if name == "text.embeddings" { embeddings = state }
    if name.hasPrefix("text.layer.") { hidden.append(state) }
    if name.hasPrefix("text.queries.") { queries.append(state) }
    if name.hasPrefix("text.keys.") { keys.append(state) }
  }

  /// The states, with the attention scores formed on the tape of the pass.
  func states(of model: any VisionLanguageModel<Float>, sequences: Segments, tape: Tape<Float>) -> LayerStates<Float>? {
    embeddings.map { embeddings in
      LayerStates(
        embeddings: embeddings, hidden: hidden,
        scores: zip(queries, keys).map { q, k in
          tape.meanAttentionScores(
            q, k, heads: model.textHeads.queries, keyValueHeads: model.textHeads.keys, sequences: sequences)
        })
    }
  }
}
