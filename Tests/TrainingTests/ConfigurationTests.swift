import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

@Suite struct ConfigurationTests {
  private func load(_ yaml: String, _ assignments: [String] = []) throws -> ResolvedConfiguration {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.yaml")
      try Data(yaml.utf8).write(to: file)
      return try ConfigurationLoader().load(file: file, assignments: assignments)
    }
  }

  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch let error as UserError where error.kind == .usage { return error.description } catch {}
    return ""
  }

  @Test func theDefaultsAreSoundAndSurviveYAML() throws {
    let resolved = try ConfigurationLoader().load()
    #expect(resolved.configuration.problems().isEmpty)
    #expect(try load(try resolved.yaml()).configuration == resolved.configuration)
  }

  @Test func assignmentsOverrideTheFileAndOriginsSaySo() throws {
    let resolved = try load("train:\n  steps: 7\n  learning_rate: 1e-4\n", ["train.steps=9", "run.folder=a=b"])
    #expect(resolved.configuration.train.steps == 9)
    #expect(resolved.configuration.train.learningRate == 1e-4)
    #expect(resolved.configuration.run.folder == "a=b")
    #expect(resolved.origins["train.steps"] == "--set")
    #expect(resolved.origins["train.learning_rate"] == "file a.yaml")
    #expect(try resolved.listing().first { $0.key == "run.seed" }?.origin == "default")
  }

  @Test func listsOfNamesComeBackFromYAMLWhateverTheyHold() throws {
    let names = ["text_model", "*.q_proj", "true", "1", "a: b", "say \"x\"", "~", "layers.0.mlp"]
    let text =
      "train:\n  lora:\n    rank: 2\n    targets: [text_model, \"*.q_proj\", \"true\", \"1\", \"a: b\", 'say \"x\"', \"~\", layers.0.mlp]\n"
    let resolved = try load(text)
    #expect(resolved.configuration.train.lora.targets == names)
    #expect(try load(try resolved.yaml()).configuration == resolved.configuration)
    #expect(
      try load("", ["train.lora.targets=[q_proj, v_proj]"]).configuration.train.lora.targets == ["q_proj", "v_proj"])
    #expect(message { _ = try load("", ["train.lora.targets=[1]"]) }.contains("a list of names"))
    #expect(message { _ = try load("", ["train.lora.rank=4", "train.lora.targets=[\"\"]"]) }.contains("empty name"))
    #expect(
      message { _ = try load("", ["train.lora.rank=4", "train.lora.targets=[]"]) }.contains(
        "train.lora.targets is empty"))
  }

  @Test func everyKeyOfTheContractIsKnown() throws {
    let known = Set(try ConfigurationLoader().load().listing().map(\.key))
    for key in [
      "run.folder", "run.seed", "data.kind", "data.path", "data.view", "student.path", "teacher.path", "teacher.steps",
      "train.steps", "train.global_batch", "train.shards", "train.threads", "train.precision", "train.learning_rate",
      "train.clip", "train.reduction", "train.labelled", "objective.method", "objective.alpha", "objective.mhca.weight",
      "objective.transport.weight", "objective.transport.epsilon", "objective.relation.weight", "objective.norms.every",
      "objective.weighting", "checkpoint.every", "evaluation.enabled",
    ] { #expect(known.contains(key), "\(key)") }
  }

  @Test func anUnknownKeyIsAnsweredWithTheNearest() {
    #expect(message { _ = try load("train:\n  lerning_rate: 1\n") }.contains("did you mean train.learning_rate?"))
    #expect(message { _ = try load("", ["run.sed=1"]) }.contains("did you mean run.seed?"))
    #expect(!message { _ = try load("", ["entirely.other=1"]) }.contains("did you mean"))
  }

  @Test func allProblemsAreReportedAtOnce() {
    let text = message {
      _ = try load("", ["train.global_batch=30", "data.view=film", "objective.alpha=2", "train.clip=-1"])
    }
    #expect(text.contains("does not divide into 8 shards") && text.contains("data.view"))
    #expect(text.contains("objective.alpha") && text.contains("train.clip"))
  }

  @Test func samplesOfAShardMustBeEnoughToBeCompared() throws {
    _ = try load("", ["objective.method=rkd", "train.global_batch=32"])
    let text = message { _ = try load("", ["objective.method=rkd", "train.global_batch=24"]) }
    #expect(text.contains("train.global_batch (24) / train.shards (8)"))
  }

  @Test(arguments: ["train.steps=many", "train.steps=1.5", "run.seed=-1", "data.view=[1]", "objective.alpha=yes"])
  func aValueOfTheWrongKindNamesItsKey(assignment: String) {
    let key = String(assignment.prefix { $0 != "=" })
    #expect(message { _ = try load("", [assignment]) }.contains(key))
  }

  @Test(arguments: [
    "- a\n- b\n", "? [a, b]\n: c\n", "train:\n  {a: b}: c\n", "train: [", "\u{0}", "train:\n\tsteps: 1\n", ": :",
  ])
  func whatIsNoMappingIsRefused(yaml: String) {
    #expect(!message { _ = try load(yaml) }.isEmpty)
  }

  @Test func randomDamageNeverTraps() throws {
    let text = Array(try ConfigurationLoader().load().yaml().utf8)
    var random = CounterRandom(seed: 3, purpose: "damaged yaml")
    for _ in 0..<300 {
      var bytes = text
      for _ in 0..<3 { bytes[random.integer(below: bytes.count)] = UInt8(random.integer(below: 128)) }
      do { _ = try load(String(decoding: bytes, as: UTF8.self)) } catch is UserError {}
    }
  }

  @Test func nullSwitchesAnOptionalValueOff() throws {
    let resolved = try load("objective:\n  mhca:\n    weight: 0.25\n", ["objective.mhca.weight=null"])
    #expect(resolved.configuration.objective.mhca.weight == nil)
    #expect(try load("objective:\n  mhca:\n    weight: 0.25\n").configuration.objective.mhca.weight == 0.25)
  }

  @Test func editDistanceIsLevenshteins() {
    #expect(editDistance("kitten", "sitting") == 3)
    #expect(editDistance("", "abc") == 3)
    #expect(editDistance("same", "same") == 0)
  }

  @Test func schedulesRiseAndFall() {
    let cosine = LearningRateSchedule(form: .cosine, peak: 2, warmup: 4, steps: 104, final: 0.1)
    #expect(cosine.rate(at: 0) == 0.5 && cosine.rate(at: 3) == 2 && cosine.rate(at: 4) == 2)
    #expect(abs(cosine.rate(at: 54) - 1.1) < 1e-12 && abs(cosine.rate(at: 104) - 0.2) < 1e-12)
    var constant = cosine
    constant.form = .constant
    let longer = LearningRateSchedule(form: .constant, peak: 2, warmup: 4, steps: 1000, final: 0.1)
    #expect((0..<104).allSatisfy { constant.rate(at: $0) == longer.rate(at: $0) })
  }
}
