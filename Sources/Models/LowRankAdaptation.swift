import Autograd
import Foundation
import Tensors

/// Which part of a model is trained when not all of it is: adapters of low rank beside some linear layers, and some
/// tensors in full. Everything else is frozen. Source: Hu et al. 2022.
public struct LowRankAdaptation: Equatable, Sendable {
  /// Numbers between an adapter's two matrices.
  public var rank: Int
  /// The adapters' products are multiplied by alpha / rank.
  public var alpha: Double
  /// Modules whose linear layers get an adapter: the end of a module's path, from a dot on; * stands for any characters.
  public var targets: [String]
  /// Modules trained in full, named likewise.
  public var full: [String]

  public init(rank: Int, alpha: Double, targets: [String], full: [String]) {
    self.rank = rank
    self.alpha = alpha
    self.targets = targets
    self.full = full
  }

  /// Factor of the adapters' products.
  public var scale: Double { alpha / Double(rank) }

  /// What is trained of a model, in the order of its tensors.
  ///
  /// A layer that both lists name is trained in full.
  ///
  /// - Throws: `UserError` (usage) naming a pattern that fits nothing, targets that leave no layer with an adapter, or a
  ///   rank that is no lower than a layer's width.
  public func layout(of model: ParameterLayout) throws -> ParameterLayout {
    try refuseIdlePatterns(model)
    try demandAdapter(model)
    var result = ParameterLayout()
    for (entry, isFirst) in model.usedEntries {
      if Self.matches(entry.name, full) {
        guard isFirst else {
          result.addLaterUse(entry.name)
          continue
        }
        result.add(entry.name, entry.shape, entry.initialiser, isLinear: entry.isLinear)
      } else if isFirst, takesAdapter(entry) {
        let (outputs, inputs) = (entry.shape[0], entry.shape[1])
        guard rank < min(outputs, inputs) else {
          throw UserError(
            .usage, "train.lora.rank is \(rank), but \(entry.name) is [\(outputs), \(inputs)]",
            remedy: "choose a rank below the widths of the layers, or leave this layer out of train.lora.targets")
        }
        LowRankAdapter<Float>.declare(
          entry.layer, inputs, outputs, rank: rank, into: &result)
      }
    }
    return result
  }

  /// The part of the model that is not trained in full.
  public func frozen(of model: ParameterLayout) -> ParameterLayout { model.keeping { !Self.matches($0.name, full) } }

  /// Numbers of the largest matrix that gets an adapter; 0 where none does.
  public func largestTarget(of model: ParameterLayout) -> Int {
    model.entries.filter(takesAdapter).map(\.range.count).max() ?? 0
  }

  private func takesAdapter(_ entry: ParameterLayout.Entry) -> Bool {
    entry.isLinear && Self.matches(entry.name, targets) && !Self.matches(entry.name, full)
  }

  /// Without one there is nothing of low rank: no file that it would write is an adapter to PEFT.
  private func demandAdapter(_ model: ParameterLayout) throws {
    guard !model.entries.contains(where: takesAdapter) else { return }
    let why =
      targets.isEmpty
      ? "train.lora.targets is empty"
      : "all that train.lora.targets [\(targets.joined(separator: ", "))] names is trained in full, by train.lora.full "
        + "[\(full.joined(separator: ", "))]"
    throw UserError(
      .usage, "train.lora.rank is \(rank), but no layer of the student gets an adapter: \(why)",
      remedy:
        "name other modules in train.lora.targets, or take these out of train.lora.full; train.lora.rank 0 trains "
        + "all weights")
  }

  private func refuseIdlePatterns(_ model: ParameterLayout) throws {
    func refuse(_ key: String, _ patterns: [String], among entries: [ParameterLayout.Entry]) throws {
      for pattern in patterns where !entries.contains(where: { Self.matches($0.name, [pattern]) }) {
        let isHead = Self.matches("lm_head.weight", [pattern])
        throw UserError(
          .usage,
          "train.lora.\(key) names \"\(pattern)\", which is no module of the student with "
            + (key == "targets" ? "linear layers" : "weights"),
          remedy: "name the end of a module's path, such as text_model, q_proj or layers.0.mlp; a tensor of it is "
            + (entries.last?.name ?? "none") + (isHead ? "; a head tied to the embedding is embed_tokens" : ""))
      }
    }
    try refuse("targets", targets, among: model.entries.filter(\.isLinear))
    try refuse("full", full, among: model.entries)
  }

  /// Whether a tensor lies in a module that one of the patterns names.
  static func matches(_ tensor: String, _ patterns: [String]) -> Bool {
    var path = tensor[...]
    while true {
      let module = String(path)
      if patterns.contains(where: { fnmatch($0, module, 0) == 0 || fnmatch("*." + $0, module, 0) == 0 }) { return true }
      guard let dot = path.lastIndex(of: ".") else { return false }
      path = path[..<dot]
    }
  }
}
