import Autograd
import Foundation
import TestSupport
import Testing

@testable import Models
@testable import Tensors

@Suite struct LowRankAdaptationTests {
  private let adaptation = LowRankAdaptation(rank: 2, alpha: 3, targets: ["text_model"], full: ["connector"])

  /// A model whose adapters are no longer zero, over a frozen one.
  private func adapted<Element: Scalar>(
    _ adaptation: LowRankAdaptation, as type: Element.Type = Element.self
  ) throws -> Idefics3<Element> {
    let configuration = TinyModels.configuration()
    let layout = try adaptation.layout(of: configuration.layout)
    let base = ParameterArena<Element>(frozen: adaptation.frozen(of: configuration.layout)) {
      KeptWeights(random: $0, seed: 3, precision: .f32)
    }
    let arena = ParameterArena(
      layout: layout, weights: Tensor(zeros: [layout.count]), base: base, adapterScale: Element(adaptation.scale),
      gradients: Tensor(zeros: [layout.count]), pieceElements: 100)
    arena.initialise(seed: 3)
    for parameter in arena.parameters where parameter.name.contains("lora_B") {
      var random = CounterRandom(seed: 4, purpose: parameter.name)
      for index in 0..<parameter.value.count { parameter.value[index] = Element(0.5 * random.normal()) }
    }
    return Idefics3(configuration, arena: arena)
  }

  @Test func patternsNameModulesByTheEndOfTheirPath() {
    let name = "model.text_model.layers.0.self_attn.q_proj.weight"
    for pattern in [
      "q_proj", "self_attn", "text_model", "layers.0", "text_model.*.q_proj", "*_proj", "model", name,
      "layers.*.q_proj",
    ] { #expect(LowRankAdaptation.matches(name, [pattern]), "\(pattern)") }
    for pattern in ["proj", "_proj", "layers.1", "vision_model", "q", "text"] {
      #expect(!LowRankAdaptation.matches(name, [pattern]), "\(pattern)")
    }
  }

  @Test func linearLayersGetAdaptersAndModulesAreTrainedInFull() throws {
    let names = try adaptation.layout(of: TinyModels.configuration().layout).entries.map(\.name)
    #expect(names.first == "model.connector.modality_projection.proj.weight")
    #expect(names.count == 1 + 2 * 2 * 7)
    #expect(names.allSatisfy { $0.contains("connector") || $0.contains("text_model.layers") })
    #expect(!names.contains { $0.contains("norm") || $0.contains("embed_tokens") || $0.contains("lm_head") })
    let tower = LowRankAdaptation(rank: 2, alpha: 3, targets: ["vision_model"], full: ["lm_head"])
    let others = try tower.layout(of: TinyModels.configuration().layout).entries
    #expect(others.count == 1 + 2 * 2 * 6 && others.last?.name == "lm_head.weight")
  }

  @Test func patternsThatFitNothingAndRanksThatAreNotLowAreRefused() {
    let layout = TinyModels.configuration().layout
    for (wrong, word) in [
      (LowRankAdaptation(rank: 2, alpha: 1, targets: ["text_modle"], full: []), "text_modle"),
      (LowRankAdaptation(rank: 2, alpha: 1, targets: [], full: ["conector"]), "conector"),
      (LowRankAdaptation(rank: 2, alpha: 1, targets: ["embed_tokens"], full: []), "embed_tokens"),
      (LowRankAdaptation(rank: 12, alpha: 1, targets: ["q_proj"], full: []), "rank is 12"),
      (LowRankAdaptation(rank: 2, alpha: 1, targets: [], full: ["connector"]), "targets is empty"),
      (
        LowRankAdaptation(rank: 2, alpha: 1, targets: ["connector"], full: ["connector"]), "train.lora.full [connector]"
      ),
      (LowRankAdaptation(rank: 2, alpha: 1, targets: ["proj"], full: ["connector"]), "train.lora.targets [proj]"),
      (LowRankAdaptation(rank: 2, alpha: 1, targets: ["q_proj"], full: ["text_model", "vision_model"]), "no layer"),
    ] {
      let error = #expect(throws: UserError.self) { try wrong.layout(of: layout) }
      #expect(error?.kind == .usage && error?.message.contains(word) == true)
    }
  }

  @Test func aLayerThatBothListsNameIsTrainedInFull() throws {
    let both = LowRankAdaptation(rank: 2, alpha: 3, targets: ["text_model"], full: ["layers.0"])
    let names = try both.layout(of: TinyModels.configuration().layout).entries.map(\.name)
    #expect(names.contains("model.text_model.layers.0.mlp.up_proj.weight"))
    #expect(names.contains("model.text_model.layers.1.mlp.up_proj.lora_A.weight"))
    #expect(!names.contains { $0.contains("text_model.layers.0") && $0.contains(".lora_") })
  }

  @Test(arguments: [
    LowRankAdaptation(rank: 2, alpha: 3, targets: ["text_model"], full: ["connector"]),
    LowRankAdaptation(rank: 3, alpha: 1, targets: ["vision_model", "connector"], full: []),
    LowRankAdaptation(rank: 1, alpha: 2, targets: ["layers.1.mlp"], full: ["lm_head", "norm"]),
  ]) func gradientsOfWhatIsTrainedAgreeWithDifferences(_ adaptation: LowRankAdaptation) throws {
    let model: Idefics3<Double> = try adapted(adaptation)
    let input: ModelInput<Double> = TinyModels.input(model.configuration)
    var random = CounterRandom(seed: 8, purpose: "probe")
    let weights = Tensor((0..<input.ids.count * 19).map { _ in random.normal() }, [input.ids.count, 19])
    let error = GradientCheck(elementsPerTensor: 4).largestError(inputs: [], arena: model.arena) { tape, _ in
      tape.weightedSum(model.logits(model.forward(input, tape: tape).hidden, tape: tape), weights)
    }
    #expect(error < 1e-6)
  }

  @Test func recomputedBlocksGiveTheSameBitsOverAFrozenTower() throws {
    func gradients(recomputes: Bool) throws -> [Float] {
      let model: Idefics3<Float> = try adapted(adaptation)
      let tape = Tape(pool: BufferPool<Float>(), recomputesBlocks: recomputes)
      model.arena.beginBackward()
      do {
        let hidden = model.forward(TinyModels.input(model.configuration), tape: tape).hidden
        _ = tape.weightedSum(hidden, Tensor((0..<hidden.value.count).map { Float($0 % 7) - 3 }, hidden.shape))
      }
      tape.backward()
      model.arena.endBackward()
      return model.arena.parameters.flatMap { $0.gradient?.array ?? [] }
    }
    let kept = try gradients(recomputes: false)
    let again = try gradients(recomputes: true)
    #expect(kept.contains { $0 != 0 } && again == kept)
  }

  private func logits(_ model: any VisionLanguageModel<Float>, _ configuration: Idefics3Configuration) -> [Float] {
    let tape = Tape(pool: BufferPool<Float>(), recording: false)
    return model.logits(model.forward(TinyModels.input(configuration), tape: tape).hidden, tape: tape).value.array
  }

  @Test func theMergedFolderIsTheModelWithItsAdapters() throws {
    try withTemporaryFolder { folder in
      let model: Idefics3<Float> = try adapted(adaptation)
      let (whole, part, frozen) = (
        folder.appendingPathComponent("whole"), folder.appendingPathComponent("part"),
        folder.appendingPathComponent("frozen")
      )
      let plain = ParameterArena<Float>(layout: model.configuration.layout, trainable: false)
      plain.initialise(seed: 3)
      try ModelFolder.save(Idefics3(model.configuration, arena: plain), to: frozen)
      try ModelFolder.save(model, to: whole)
      try FileManager.default.createDirectory(at: part, withIntermediateDirectories: true)
      try AdapterFolder.save(model.arena.parameters, adaptation, base: frozen.path, to: part)
      let expected = logits(model, model.configuration)
      #expect(expected != logits(Idefics3(model.configuration, arena: plain), model.configuration))
      let found = logits(try ModelFolder(whole).model(as: Float.self), model.configuration)
      for (a, b) in zip(expected, found) { #expect(abs(a - b) < 1e-4) }

      let (adapter, base) = (try AdapterFolder(part), try ModelFolder(frozen))
      try adapter.check(against: base)
      #expect(adapter.base == frozen.path && adapter.layers.count == 14 && adapter.fullTensors.count == 1)
      let merged = try ModelFolder(whole)
      for entry in base.layout.entries {
        let (a, b): (Tensor<Float>, Tensor<Float>) = (try adapter.merged(entry, of: base), try merged.tensor(entry))
        #expect(a.array == b.array, "\(entry.name)")
      }
      let again: Idefics3<Float> = try adapted(adaptation)
      again.arena.weights.fill(0)
      try adapter.load(into: again.arena.parameters)
      #expect(again.arena.digest() == model.arena.digest())
    }
  }

  /// The adapter of a model, and the merged model.
  private func saved(in folder: URL) throws -> (part: URL, whole: URL) {
    let model: Idefics3<Float> = try adapted(adaptation)
    let (part, whole) = (folder.appendingPathComponent("part"), folder.appendingPathComponent("whole"))
    try ModelFolder.save(model, to: whole)
    try FileManager.default.createDirectory(at: part, withIntermediateDirectories: true)
    try AdapterFolder.save(model.arena.parameters, adaptation, base: nil, to: part)
    return (part, whole)
  }

  @Test func scalesThatContradictTheMatricesAreRefused() throws {
    try withTemporaryFolder { folder in
      let (part, whole) = try saved(in: folder)
      let file = part.appendingPathComponent(AdapterFolder.configurationName)
      let text = try String(contentsOf: file, encoding: .utf8)
      let base = try ModelFolder(whole)
      try Data(text.replacing("\"r\": 2", with: "\"r\": 4").utf8).write(to: file)
      let rank = #expect(throws: UserError.self) { try AdapterFolder(part).check(against: base) }
      #expect(rank?.message.contains("r = 4") == true)
      try Data(text.replacing("\"lora_alpha\": 3.0", with: "\"lora_alpha\": 1e300").utf8).write(to: file)
      let adapter = try AdapterFolder(part)
      try adapter.check(against: base)
      let entry = try #require(
        base.layout.entries.first { $0.name.hasSuffix("q_proj.weight") && $0.name.contains("text") })
      let scale = #expect(throws: UserError.self) { try adapter.merged(entry, of: base) }
      #expect(scale?.message.contains("no longer finite") == true)
    }
  }

  /// What peft names them; the shapes are never the reason.
  @Test(arguments: [
    ("lm_head", "lora_A.weight"), ("model.text_model.embed_tokens", "lora_embedding_A"),
    ("model.vision_model.embeddings.patch_embedding", "lora_A.weight"),
  ]) func adaptersOfLayersThatTakeNoneAreRefused(layer: String, matrix: String) throws {
    try withTemporaryFolder { folder in
      let (part, whole) = try saved(in: folder)
      var writer = SafetensorsWriter()
      writer.add("base_model.model.\(layer).\(matrix)", Tensor<Float>(zeros: [2, 8]))
      try writer.write(to: part.appendingPathComponent("adapter_model.safetensors"))
      let adapter = try AdapterFolder(part)
      // The second's head is tied to its embedding.
      for base in [whole, Recorded.folder("idefics3_tied")] {
        let error = #expect(throws: UserError.self) { try adapter.check(against: ModelFolder(base)) }
        #expect(error?.kind == .badInput && error?.message.contains("\(layer) has an adapter") == true)
        #expect(error?.message.contains("linear layers of decoder") == true && error?.remedy.contains("peft") == true)
      }
    }
  }

  @Test func adaptersOfAnotherKindOrModelAreRefused() throws {
    try withTemporaryFolder { folder in
      let model: Idefics3<Float> = try adapted(adaptation)
      try AdapterFolder.save(model.arena.parameters, adaptation, base: nil, to: folder)
      #expect(try AdapterFolder(folder).base == nil)
      let file = folder.appendingPathComponent(AdapterFolder.configurationName)
      let text = try String(contentsOf: file, encoding: .utf8)
      let other = try ModelFolder(Recorded.folder("idefics3_tied"))
      let foreign = #expect(throws: UserError.self) { try AdapterFolder(folder).check(against: other) }
      #expect(foreign?.kind == .badInput && foreign?.remedy.contains("--base") == true)
      for (old, new, word) in [
        ("\"LORA\"", "\"IA3\"", "peft_type"), ("\"fan_in_fan_out\": false", "\"use_dora\": true", "use_dora"),
        ("\"none\"", "\"all\"", "bias"), ("\"r\": 2", "\"r\": 0", "key r"),
        ("\"fan_in_fan_out\": false", "\"rank_pattern\": {\"q\": 1}", "rank_pattern"),
        ("\"fan_in_fan_out\": false", "\"alpha_pattern\": {\"q\": 1}", "alpha_pattern"),
        ("\"fan_in_fan_out\": false", "\"lora_bias\": true", "lora_bias"),
        ("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa_niter_4\"", "init_lora_weights"),
        ("\"fan_in_fan_out\": false", "\"target_parameters\": [\"q\"]", "target_parameters"),
        ("\"fan_in_fan_out\": false", "\"trainable_token_indices\": {\"e\": [1]}", "trainable_token_indices"),
      ] {
        try Data(text.replacing(old, with: new).utf8).write(to: file)
        let error = #expect(throws: UserError.self) { try AdapterFolder(folder) }
        #expect(error?.kind == .badInput && error?.message.contains(word) == true, "\(word): \(error?.message ?? "")")
      }
      let alone = #expect(throws: UserError.self) { try ModelFolder(folder) }
      #expect(alone?.message.contains("adapter") == true && alone?.remedy.contains("export") == true)
    }
  }
}
