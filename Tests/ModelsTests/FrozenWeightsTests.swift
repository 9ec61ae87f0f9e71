import Autograd
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

/// Frozen weights that stay in the mapped file, whatever their type.
@Suite struct FrozenWeightsTests {
  private static let types = ["F16", "BF16", "F32", "F64"]
  private let configuration = TinyModels.configuration()

  /// A folder whose weights are stored as this type.
  private func folder(_ type: String, in url: URL, misaligned: Bool = false) throws -> ModelFolder {
    let weights = url.appendingPathComponent("model.safetensors")
    if !FileManager.default.fileExists(atPath: weights.path) {
      try ModelFolder.save(TinyModels.model(configuration, as: Float.self, trainable: false), to: url)
    }
    try StoredWeights.rewrite(weights, as: type)
    if misaligned { try StoredWeights.misalign(weights) }
    return try ModelFolder(url)
  }

  /// Hidden states and logits of more rows than are streamed.
  private func outputs(_ arena: ParameterArena<Float>, _ precision: Precision) -> [[Float]] {
    let model = Idefics3(configuration, arena: arena)
    let tape = Tape(pool: BufferPool<Float>(), recording: false, precision: precision)
    let hidden = model.forward(TinyModels.input(configuration), tape: tape).hidden
    return [hidden.value.array, model.logits(hidden, tape: tape).value.array]
  }

  /// Copies of the weights in this process's memory, in bf16 of the rounded ones.
  private func copied(_ folder: ModelFolder, _ precision: Precision) throws -> ParameterArena<Float> {
    let exact = try folder.model(as: Float.self).arena
    return ParameterArena(frozen: folder.layout) { entry in
      let value = exact[entry.name].value
      guard precision == .bf16, entry.decays else { return .exact(value) }
      let rounded = Tensor<BFloat16>(uninitialised: entry.shape)
      rounded.setRounded(value)
      return .rounded(rounded)
    }
  }

  @Test(arguments: types, Precision.allCases) func mappedWeightsGiveTheBitsOfCopies(
    type: String, precision: Precision
  ) throws {
    try withTemporaryFolder { url in
      for misaligned in [false, true] {
        let folder = try folder(type, in: url, misaligned: misaligned)
        let expected = outputs(try copied(folder, precision), precision)
        for roundsF32 in [false, true] {
          let arena = try folder.frozenArena(precision: precision, roundsF32: roundsF32)
          #expect(outputs(arena, precision) == expected, "\(misaligned) \(roundsF32)")
          let matrices = arena.parameters.filter(\.entry.decays)
          let kept = matrices.map(\.kept.bytesPerElement)
          let isNarrow = type == "F16" || type == "BF16" || precision == .bf16 && (type == "F64" || roundsF32)
          if !misaligned { #expect(Set(kept) == [isNarrow ? 2 : 4]) }
        }
      }
    }
  }

  /// Vectors alone are of each process's own.
  @Test(arguments: types, Precision.allCases) func memoryIsCountedAsItIsTaken(type: String, precision: Precision) throws
  {
    try withTemporaryFolder { url in
      let layout = configuration.layout
      let matrices = layout.entries.filter(\.decays).map(\.range.count)
      let vectors = 4 * layout.entries.filter { !$0.decays }.reduce(0) { $0 + $1.range.count }
      let (all, largest) = (matrices.reduce(0, +), matrices.max() ?? 0)
      let stored = try folder(type, in: url)
      func memory(_ folder: ModelFolder, roundsF32: Bool) throws -> FrozenMemory {
        try folder.frozenMemory(precision: precision, part: layout, roundsF32: roundsF32)
      }
      let size = type == "F32" ? 4 : 2
      let copy = precision == .bf16 ? 2 : 4
      let found = try memory(stored, roundsF32: false)
      #expect(found.shared == (type == "F64" ? 0 : size * all))
      #expect(found.own == vectors + (type == "F64" ? copy * all : 0))
      let base = try memory(stored, roundsF32: true)
      let rounds = type == "F32" && precision == .bf16
      #expect(base.shared == (rounds ? 0 : found.shared) && base.own == (rounds ? vectors + 2 * all : found.own))
      if precision == .f32 { #expect(found.conversion == (type.hasSuffix("F16") ? 4 * largest : 0)) }
      if precision == .bf16, !Precision.isFastInBF16 { #expect(found.conversion == 4 * largest) }
      let odd = try memory(folder(type, in: url, misaligned: true), roundsF32: false)
      #expect(odd.shared == 0 && odd.own == vectors + copy * all)
    }
  }

  /// Numbers that are not finite are found in every form, also where the file is not copied, and named.
  @Test(arguments: types, [false, true]) func infiniteWeightsAreNamed(type: String, misaligned: Bool) throws {
    let name = "model.text_model.layers.1.mlp.up_proj.weight"
    try withTemporaryFolder { url in
      for bad in [Float.infinity, -.infinity, .nan] {
        let model = TinyModels.model(configuration, as: Float.self, trainable: false)
        model.arena[name].value[7] = type == "F16" && bad.isNaN ? .infinity : bad
        try ModelFolder.save(model, to: url)
        let folder = try folder(type, in: url, misaligned: misaligned)
        for precision in Precision.allCases {
          let error = #expect(throws: UserError.self) { try folder.frozenArena(precision: precision) }
          #expect(error?.kind == .badInput && error?.message.contains(name) == true, "\(error?.message ?? "")")
        }
      }
    }
  }

  /// What is saved of a model, with or without adapters, are the exact numbers.
  @Test(arguments: types) func effectiveValuesAreTheStoredOnes(type: String) throws {
    try withTemporaryFolder { url in
      let folder = try folder(type, in: url)
      let (arena, exact) = (try folder.frozenArena(), try folder.model(as: Float.self).arena)
      for entry in folder.layout.entries {
        #expect(arena.effectiveValue(of: entry.name).array == exact[entry.name].value.array)
      }
      let adaptation = LowRankAdaptation(rank: 2, alpha: 3, targets: ["text_model"], full: [])
      let layout = try adaptation.layout(of: folder.layout)
      func merged(_ base: ParameterArena<Float>, _ name: String) -> [Float] {
        let adapted = ParameterArena(
          layout: layout, weights: Tensor(zeros: [layout.count]), base: base, adapterScale: 1.5)
        adapted.initialise(seed: 3)
        for parameter in adapted.parameters { parameter.value.fill(0.25) }
        return adapted.effectiveValue(of: name).array
      }
      let name = "model.text_model.layers.0.self_attn.q_proj.weight"
      #expect(merged(arena, name) == merged(exact, name) && merged(arena, name) != exact[name].value.array)
    }
  }

  /// A file cut short, or with bits turned over, is refused or read; it never traps.
  @Test func damagedHalfPrecisionFilesNeverTrap() throws {
    try withTemporaryFolder { url in
      _ = try folder("F16", in: url)
      let weights = url.appendingPathComponent("model.safetensors")
      let sound = try Data(contentsOf: weights)
      func open(_ data: Data) throws -> Bool {
        try FileManager.default.removeItem(at: weights)
        try data.write(to: weights)
        do {
          _ = outputs(try ModelFolder(url).frozenArena(), .f32)
          return true
        } catch is UserError {
          return false
        }
      }
      var random = CounterRandom(seed: 2, purpose: "damage")
      for _ in 0..<40 { #expect(try !open(sound.prefix(random.integer(below: sound.count)))) }
      for _ in 0..<120 {
        var data = sound
        data[random.integer(below: data.count)] ^= UInt8(1 << random.integer(below: 8))
        _ = try open(data)
      }
      #expect(try open(sound))
    }
  }

  /// Random weights need another form in products only where they are kept in sixteen bits.
  @Test func randomWeightsAreKeptInTheFormOfTheirPrecision() {
    let layout = TinyModels.configuration().layout
    let largest = 4 * (layout.entries.filter(\.decays).map(\.range.count).max() ?? 0)
    let (exact, rounded) = (
      FrozenMemory(random: layout, precision: .f32), FrozenMemory(random: layout, precision: .bf16)
    )
    #expect(exact.own == 4 * layout.entries.reduce(0) { $0 + $1.range.count } && exact.shared == 0)
    #expect(exact.conversion == 0 && exact.widened == 0)
    #expect(rounded.own < exact.own && rounded.widened == largest)
    #expect(rounded.conversion == (Precision.isFastInBF16 ? 0 : largest))
  }
}
