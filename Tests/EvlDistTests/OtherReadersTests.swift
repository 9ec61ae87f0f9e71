import Foundation
import Tensors
import TestSupport
import Testing

/// What others' programs read of a run: TensorBoard its event files, Python's safetensors package its checkpoints.
@Suite(.serialized, .enabled(if: MPIRun.isPresent && PythonReaders.arePresent)) struct OtherReadersTests {
  private struct Weights: Decodable, Equatable {
    var type: String
    var shape: [Int]
    var sha256: String
  }

  private func script(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name)
  }

  /// Six steps, of which a second start does the last two again.
  private func run(in folder: URL) throws -> SmallRun {
    let small = SmallRun(folder: folder)
    let settings = ["train.steps=6", "checkpoint.every=4", "objective.norms.every=3"]
    let first = try small.start("run", ranks: 2, settings)
    #expect(first.code == 0, "\(first)")
    let again = try small.start(
      "run", ranks: 1, settings, options: ["--resume", small.run("run/checkpoints/step-00000004").path])
    #expect(again.code == 0, "\(again)")
    return small
  }

  @Test func tensorBoardAndSafetensorsReadARun() throws {
    try withTemporaryFolder { folder in
      let small = try run(in: folder)
      try compareEvents(small)
      try compareWeights(small.run("run/checkpoints/step-00000006"))
    }
  }

  /// Every number of `metrics.jsonl` at its step, once.
  private func compareEvents(_ small: SmallRun) throws {
    let runs: [String: [String: [[Double]]]] = try PythonReaders.json(
      script("../ReportingTests/read_events.py"), [small.run("run/tensorboard").path])
    #expect(Set(runs.keys) == ["teacher", "student"])
    #expect(runs["teacher"]?["loss/total"]?.map { $0[0] } == [1, 2])
    let student = try #require(runs["student"])
    let lines = try small.metrics("run")
    #expect(lines.count == 6)
    func compare(_ tag: String, _ value: ([String: Any]) -> Any?) throws {
      let points = try #require(student[tag], "\(tag)")
      let logged = lines.compactMap { line in
        (value(line) as? Double).map { [Double(line["step"] as? Int ?? 0), Double(Float($0))] }
      }
      #expect(!logged.isEmpty && points.map { Array($0.prefix(2)) } == logged, "\(tag)")
    }
    let terms = ["loss/total": "loss", "loss/cross_entropy": "ce", "loss/transport": "ot", "detail/sweeps": "sweeps"]
    for (tag, name) in terms { try compare(tag) { ($0["losses"] as? [String: Any])?[name] } }
    try compare("optimizer/gradient_norm") { $0["gradient_norm"] }
    try compare("optimizer/learning_rate") { $0["learning_rate"] }
    try compare("seconds/compute") { ($0["parts"] as? [String: Any])?["compute"] }
    try compare("norm/transport") { ($0["norms"] as? [String: Any])?["ot"] }
    #expect(student["norm/transport"]?.map { $0[0] } == [3, 6])
    let times = try #require(student["loss/total"]).map { $0[2] }
    #expect(times == times.sorted() && abs(Date().timeIntervalSince1970 - times[5]) < 600)
  }

  /// Names, types, shapes and values of all weights and moments, as the program itself reads them.
  private func compareWeights(_ checkpoint: URL) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoint.path)
      .filter { $0.hasSuffix(".safetensors") }.sorted()
    #expect(names == ["model.safetensors", "objective.safetensors", "optimizer-00000.safetensors"])
    let paths = names.map { checkpoint.appendingPathComponent($0).path }
    let read: [String: [String: Weights]] = try PythonReaders.json(script("read_weights.py"), paths)
    for path in paths {
      let file = try SafetensorsFile(contentsOf: URL(fileURLWithPath: path))
      var own: [String: Weights] = [:]
      for name in file.names {
        let entry = try file.entry(name)
        #expect(entry.type == "F32")
        let tensor: Tensor<Float> = try file.tensor(name)
        var digest = Digest()
        digest.update(tensor)
        own[name] = Weights(type: "float32", shape: entry.shape, sha256: digest.finish())
      }
      #expect(!own.isEmpty && read[path] == own, "\(path)")
    }
  }
}
