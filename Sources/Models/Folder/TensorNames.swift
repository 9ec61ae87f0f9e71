/// How the tensor names found in files of several origins become those of the model: one table per family.
///
/// A file's name is compared with the rules in order; the first whose beginning it has replaces that beginning.
public struct TensorNames: Sendable {
  let rules: [(found: String, own: String)]
  /// Endings of buffers that some versions stored and that hold no weights.
  private static let bufferEndings = ["rotary_emb.inv_freq", "embeddings.position_ids"]
  /// Beginnings of what a tower's own folder holds besides the tower: CLIP's text side and its joint space.
  private static let foreignBeginnings = [
    "vision_tower.text_model.", "vision_tower.logit_scale", "vision_tower.text_projection",
    "vision_tower.visual_projection",
  ]

  /// Idefics3 and SmolVLM; the second group is what saving the model without its head leaves.
  static let idefics3 = TensorNames(rules: [
    ("model.", "model."),
    ("vision_model.", "model.vision_model."),
    ("connector.", "model.connector."),
    ("text_model.", "model.text_model."),
  ])

  /// LLaVA and LLaVA-NeXT. Own names are those in the files that transformers writes.
  static let llava = TensorNames(rules: [
    // As transformers calls them in memory, and some versions in files.
    ("model.language_model.lm_head.", "language_model.lm_head."),
    ("model.language_model.", "language_model.model."),
    ("model.multi_modal_projector.", "multi_modal_projector."),
    ("lm_head.", "language_model.lm_head."),
    // The original LLaVA code.
    ("model.vision_tower.vision_tower.vision_model.", "vision_tower."),
    ("model.mm_projector.0.", "multi_modal_projector.linear_1."),
    ("model.mm_projector.2.", "multi_modal_projector.linear_2."),
    ("model.embed_tokens.", "language_model.model.embed_tokens."),
    ("model.layers.", "language_model.model.layers."),
    ("model.norm.", "language_model.model.norm."),
    ("model.image_newline", "image_newline"),
    // Towers of either, with the level that older versions of CLIP had.
    ("model.vision_tower.vision_model.", "vision_tower."),
    ("model.vision_tower.", "vision_tower."),
    ("vision_tower.vision_model.", "vision_tower."),
  ])

  /// The model's name for a file's tensor; nil for what holds no weights of the model.
  func own(_ name: String) -> String? {
    if Self.bufferEndings.contains(where: name.hasSuffix) { return nil }
    if Self.foreignBeginnings.contains(where: name.hasPrefix) { return nil }
    guard let rule = rules.first(where: { name.hasPrefix($0.found) }) else { return name }
    return rule.own + name.dropFirst(rule.found.count)
  }
}
