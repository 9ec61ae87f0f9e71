import Autograd
import Cluster
import Corpus
import Distillation
import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

/// A store stands for the teacher that wrote it: the same states, so the same student.
@Suite(.serialized) struct StoredTeacherTests {
  private struct Lesson {
    let student: ModelBlueprint
    let teacher: ModelBlueprint
    let model: any VisionLanguageModel<Float>
    let dataset = SyntheticDataset(count: 12, seed: 1)

    /// - Parameter isOfOneFamily: whether a student teaches, as vanilla KL asks.
    init(isOfOneFamily: Bool = false) throws {
      student = try ModelBlueprint(builtIn: .student, view: "signal")
      teacher = try ModelBlueprint(builtIn: isOfOneFamily ? .student : .teacher, view: "signal")
      model = try teacher.frozen(seed: 4)
    }

    var layers: Int { teacher.configuration.text.layers }

    func preparer(_ store: TeacherStore?, labelled: Double = 1) throws -> SamplePreparer {
      try SamplePreparer(
        records: RecordCache(dataset), samples: dataset.samples, seed: 1, augmentation: .none,
        labelled: try LabelledFraction(labelled, seed: 1), student: try student.side,
        teacher: store == nil ? try teacher.side : nil, store: store)
    }

    func store(in folder: URL, type: String = "F32", layers: [Int] = []) throws -> StoredTeacher {
      let requests = TeacherRequest.all(dataset.samples, mix: .init(), variants: 1)
      let text = teacher.configuration.text
      let plan = TeacherStoreIndex(
        teacher: .init(
          name: "t", digest: "d", layers: text.layers, hiddenWidth: text.hiddenSize, visualWidth: text.hiddenSize,
          vocabulary: text.vocabularySize, tokenizer: teacher.tokenizer.fingerprint),
        fingerprint: [:], elementType: type, layers: layers, attention: !layers.isEmpty, variants: 1,
        samplesPerPart: 10, samples: requests.map(\.stored.name))
      let writer = TeacherStoreWriter(folder, plan: plan)
      let recorder = TeacherRecorder(model, precision: .f32, plan: plan)
      let records = RecordCache(dataset)
      try writer.begin()
      try writer.publish(recorder.head(), as: TeacherStoreIndex.headName)
      for part in 0..<plan.partCount {
        for position in plan.samples(ofPart: part) {
          let request = requests[position]
          let input = try teacher.side.input(try records.record(request.sample), request.question)
          let isFirst = position == 0 || requests[position - 1].stored.view != request.stored.view
          try writer.write(
            try recorder.tensors(of: input, sample: request.stored, withView: isFirst), sample: position)
        }
        try writer.assemble(part: part)
      }
      try writer.finish()
      let store = try TeacherStore(folder)
      try store.verify()
      return try StoredTeacher(store)
    }

    /// The states of the first samples, live and stored.
    func states(
      _ stored: StoredTeacher, needs: ObservedStates, labelled: Double = 1
    ) throws -> (live: DistillationStates<Float>, stored: DistillationStates<Float>) {
      func samples(_ preparer: SamplePreparer) throws -> [PreparedSample] {
        try [0, 1, 2, 13, 30].map(preparer.prepare)
      }
      let live = LiveTeacherStates(teacher: model, needs: needs, precision: .f32, pool: BufferPool())
      let read = StoredTeacherStates(teacher: stored, needs: needs, precision: .f32, pool: BufferPool())
      return (
        try live.states(samples(preparer(nil, labelled: labelled)), interlude: nil),
        try read.states(samples(preparer(stored.store, labelled: labelled)), interlude: nil)
      )
    }
  }

  private func bits(_ variable: Variable<Float>?) -> [UInt32]? { variable?.value.array.map(\.bitPattern) }

  private func distance(_ a: Variable<Float>, _ b: Variable<Float>) -> Double {
    let difference = a.value.copy()
    difference.add(b.value, times: -1)
    return (difference.sumOfSquares / a.value.sumOfSquares).squareRoot()
  }

  @Test func theStatesOfAnF32StoreAreTheLiveOnesBitForBit() throws {
    try withTemporaryFolder { folder in
      let lesson = try Lesson()
      let store = try lesson.store(in: folder, layers: Array(1...lesson.layers))
      let (live, stored) = try lesson.states(store, needs: [.answers, .layers])
      #expect(live.sequences == stored.sequences && live.visualTokens == stored.visualTokens)
      #expect(bits(live.hidden) == bits(stored.hidden) && bits(live.visual) == bits(stored.visual))
      #expect(live.answers?.answers == stored.answers?.answers)
      #expect(bits(live.answers?.logits) != nil && bits(live.answers?.logits) == bits(stored.answers?.logits))
      let (a, b) = (try #require(live.layers), try #require(stored.layers))
      #expect(bits(a.embeddings) == bits(b.embeddings))
      #expect(a.hidden.count == lesson.layers && a.hidden.map(bits) == b.hidden.map(bits))
      #expect(a.scores.map(bits) == b.scores.map(bits))
    }
  }

  /// BF16 has 8 bits of significand: an element is off by 2^-8 of itself at most (half of the last bit is 2^-9).
  @Test func aBF16StoreIsWithinItsRounding() throws {
    try withTemporaryFolder { folder in
      let lesson = try Lesson()
      let store = try lesson.store(in: folder, type: "BF16")
      let (live, stored) = try lesson.states(store, needs: .answers)
      for (a, b) in [(live.hidden, stored.hidden), (live.visual, stored.visual)] {
        #expect(zip(a.value.array, b.value.array).allSatisfy { abs($0 - $1) <= abs($0) / 256 })
        let off = distance(a, b)
        #expect(off > 0 && off < 2.5e-3, "\(off)")
      }
      let (a, b) = (try #require(live.answers), try #require(stored.answers))
      #expect(a.answers == b.answers && distance(a.logits, b.logits) < 1e-2)
      let folderSize = TeacherStoreWriter(folder, plan: store.store.index).bytesPresent()
      let exact = try Lesson().store(in: folder.appendingPathComponent("f32"))
      #expect(
        Double(folderSize) < 0.75
          * Double(TeacherStoreWriter(exact.store.folder, plan: exact.store.index).bytesPresent()))
    }
  }

  /// Causal attention: the rows before an answer do not depend on it, up to rounding in products of other sizes.
  @Test func anAnswerThatIsNotUsedIsCutOff() throws {
    try withTemporaryFolder { folder in
      let lesson = try Lesson()
      let store = try lesson.store(in: folder, layers: Array(1...lesson.layers))
      let (live, stored) = try lesson.states(store, needs: [.answers, .layers], labelled: 0)
      #expect(live.sequences == stored.sequences && live.answers == nil && stored.answers == nil)
      #expect(distance(live.hidden, stored.hidden) < 1e-5 && distance(live.visual, stored.visual) == 0)
      let (a, b) = (try #require(live.layers), try #require(stored.layers))
      for (x, y) in zip(a.scores + a.hidden + [a.embeddings], b.scores + b.hidden + [b.embeddings]) {
        #expect(distance(x, y) < 1e-5)
      }
    }
  }

  private func weights(_ lesson: Lesson, _ stored: StoredTeacher?, method: String, folder: URL) throws -> [UInt32] {
    var configuration = RunConfiguration()
    configuration.train.globalBatch = 16
    configuration.train.shards = 4
    configuration.train.steps = 3
    configuration.objective.method = method
    let trainee = try Trainee(
      lesson.student, objective: configuration.objective,
      teacher: stored?.shape ?? TeacherShape(lesson.teacher.configuration), seed: 1)
    let trainer = try Trainer(
      context: RunContext(
        communicator: SingleRank(), configuration: configuration, stop: StopFlag(), observer: SilentObserver()),
      plan: PhasePlan(name: "student", configuration: configuration, checkpoints: folder), trainee: trainee,
      teacher: stored == nil ? lesson.model : nil, store: stored, source: try lesson.preparer(stored?.store),
      data: [:])
    _ = try trainer.run(resume: .auto)
    return trainee.arena.weights.array.map(\.bitPattern)
  }

  @Test(arguments: ["evl", "kl", "tinybert", "uld", "rkd"])
  func everyMethodGivesTheSameStudentFromAStore(method: String) throws {
    ProductLibrary.setThreads(1)
    try withTemporaryFolder { folder in
      let lesson = try Lesson(isOfOneFamily: method == "kl")
      var objective = ObjectiveConfiguration()
      objective.method = method
      let layers = DistillationMethods<Float>.teacherLayers(
        objective, student: lesson.student.configuration.text.layers, teacher: lesson.layers)
      #expect(layers.isEmpty == (method != "tinybert"))
      let store = try lesson.store(in: folder.appendingPathComponent("store"), layers: layers)
      try objective.check(student: lesson.student, store: store.store.index)
      let live = try weights(lesson, nil, method: method, folder: folder.appendingPathComponent("live"))
      #expect(try weights(lesson, store, method: method, folder: folder.appendingPathComponent("stored")) == live)
    }
  }

  /// Sizes alone are checked at a start, not checksums: the numbers themselves must tell.
  @Test func aHeadThatIsNotFiniteIsNamedBeforeTheFirstStep() throws {
    try withTemporaryFolder { folder in
      _ = try Lesson().store(in: folder)
      let file = folder.appendingPathComponent(TeacherStoreIndex.headName)
      var bytes = try Data(contentsOf: file)
      bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
      try bytes.write(to: file)
      let error = #expect(throws: UserError.self) { try StoredTeacher(TeacherStore(folder)) }
      #expect(error?.kind == .badInput, "\(error?.message ?? "")")
      for word in [folder.path, "head.safetensors", "head holds NaN"] {
        #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
      }
    }
  }

  @Test func whatTheStoreLacksForAMethodIsNamed() throws {
    let student = try ModelBlueprint(builtIn: .student, view: "signal")
    func refusal(_ method: String, _ change: (inout TeacherStoreIndex) -> Void = { _ in }) -> UserError? {
      var objective = ObjectiveConfiguration()
      objective.method = method
      var index = TeacherStoreIndex(
        teacher: .init(
          name: "t", digest: "d", layers: 4, hiddenWidth: 8, visualWidth: 8, vocabulary: 512, tokenizer: "k"),
        fingerprint: [:], elementType: "F32", layers: [], attention: false, variants: 1, samplesPerPart: 1,
        samples: ["a/MI"])
      change(&index)
      do { try objective.check(student: student, store: index) } catch { return error as? UserError }
      return nil
    }
    #expect(refusal("evl") == nil && refusal("rkd") == nil && refusal("ce") == nil)
    for method in ["kl", "uld"] {
      #expect(refusal(method).map { $0.kind == .usage && $0.message.contains("head") } == true)
    }
    let layers = DistillationMethods<Float>.teacherLayers(
      {
        var o = ObjectiveConfiguration(); o.method = "tinybert"; return o
      }(),
      student: student.configuration.text.layers, teacher: 4)
    let tiny = try #require(refusal("tinybert"))
    #expect(tiny.message.contains("attention") && tiny.remedy.contains("teacher.layers=\(layers)"), "\(tiny)")
    #expect(refusal("tinybert") { ($0.layers, $0.attention) = (layers, true) } == nil)
    func withHead(_ index: inout TeacherStoreIndex) throws {
      let file = #"{"name": "head.safetensors", "bytes": 1, "sha256": "x"}"#
      index.head = try JSONDecoder().decode(TeacherStoreIndex.File.self, from: Data(file.utf8))
    }
    #expect(refusal("uld") { try? withHead(&$0) } == nil)
    #expect(refusal("kl") { try? withHead(&$0) }?.message.contains("one vocabulary") == true)
  }
}
