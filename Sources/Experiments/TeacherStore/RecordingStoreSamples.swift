import Corpus
import Foundation
import Tensors
import Training

/// Recordings as samples of a teacher store: every training record in every variant with every question of the mix.
struct RecordingStoreSamples: StoreSamples {
  let stored: [StoredSample]
  let fingerprint: [String: String]
  private let requests: [TeacherRequest]
  private let corpus: TrainingCorpus
  private let configuration: RunConfiguration

  /// - Throws: `UserError` of kind badInput where nothing would be asked, or two samples are called alike.
  init(_ corpus: TrainingCorpus, _ configuration: RunConfiguration) throws {
    let variants = configuration.teacher.variants
    requests = TeacherRequest.all(corpus.training, mix: configuration.data.questions.mix, variants: variants)
    guard !requests.isEmpty else {
      throw UserError(
        .badInput, "\(corpus.dataset.name): no record has a question of the mix", remedy: "check data.questions")
    }
    stored = requests.map(\.stored)
    guard Set(stored.map(\.name)).count == stored.count else {
      throw UserError(
        .badInput, "\(corpus.dataset.name): two records are called alike, or one RECORD~1 as a variant would be",
        remedy: "rename one of them")
    }
    fingerprint = try StoreFingerprint.run(configuration, dataset: corpus.dataset, variants: variants)
    self.corpus = corpus
    self.configuration = configuration
  }

  func images(_ position: Int) -> Int { 1 }

  func requestsJSON() throws -> Data { try TeacherRequest.json(requests, fingerprint: fingerprint) }

  func inputs(for teacher: ModelBlueprint) throws -> any StoreInputs {
    Inputs(
      requests: requests, corpus: corpus, configuration: configuration, side: try teacher.side,
      fingerprint: try StoreFingerprint.teacher(teacher))
  }

  private struct Inputs: StoreInputs {
    let requests: [TeacherRequest]
    let corpus: TrainingCorpus
    let configuration: RunConfiguration
    let side: ModelSide
    let fingerprint: [String: String]

    func input(_ position: Int) throws -> PreparedInput {
      let request = requests[position]
      let record = configuration.data.augmentation.changes.variant(
        request.variant, of: try corpus.records.record(request.sample), seed: configuration.dataSeed,
        sample: request.sample.index)
      return try side.input(record, request.question)
    }

    func ids(_ position: Int) throws -> [Int32] { try side.prompt.conversation(requests[position].question).ids }
  }
}
