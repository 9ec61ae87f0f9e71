import Corpus
import Foundation
import Tensors
import Training

/// Conversations as samples of a teacher store: each once, with its images as they are.
struct ConversationStoreSamples: StoreSamples {
  let stored: [StoredSample]
  let fingerprint: [String: String]
  private let requests: [ConversationRequest]
  private let dataset: ConversationDataset

  /// - Throws: `UserError`: variants are asked for, or nobody answers in a conversation.
  init(_ dataset: ConversationDataset, _ configuration: RunConfiguration) throws {
    guard configuration.teacher.variants == 1 else {
      throw UserError(
        .usage,
        "teacher.variants is \(configuration.teacher.variants), but images of conversations are shown as they are",
        remedy: "set teacher.variants to 1")
    }
    requests = try ConversationRequest.all(dataset)
    stored = requests.map(\.stored)
    fingerprint = StoreFingerprint.run(dataset)
    self.dataset = dataset
  }

  func images(_ position: Int) -> Int { dataset.conversations[position].images.count }

  func requestsJSON() throws -> Data { try ConversationRequest.json(requests, fingerprint: fingerprint) }

  func inputs(for teacher: ModelBlueprint) throws -> any StoreInputs {
    let side = try teacher.conversationSide()
    return Inputs(dataset: dataset, side: side, fingerprint: StoreFingerprint.teacher(teacher, side))
  }

  private struct Inputs: StoreInputs {
    let dataset: ConversationDataset
    let side: ConversationSide
    let fingerprint: [String: String]

    func input(_ position: Int) throws -> PreparedInput {
      let conversation = dataset.conversations[position]
      return try side.input(conversation, try dataset.images(of: conversation))
    }

    func ids(_ position: Int) throws -> [Int32] {
      let conversation = dataset.conversations[position]
      return try side.tokenized(conversation, sizes: try dataset.imageSizes(of: conversation)).ids
    }
  }
}
