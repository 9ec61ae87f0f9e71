import Foundation
import Tensors

/// One conversation that a teacher is asked for: the pictures and turns whose states a store keeps.
public struct ConversationRequest: Sendable {
  public let conversation: Conversation
  public let stored: StoredSample

  /// Every conversation of a data set once, in its order.
  /// - Throws: `UserError` of kind badInput naming the first conversation without an answer to learn.
  public static func all(_ dataset: ConversationDataset) throws -> [ConversationRequest] {
    try dataset.demandAnswers()
    return dataset.conversations.enumerated().map { index, conversation in
      ConversationRequest(conversation: conversation, stored: dataset.stored(index))
    }
  }

  /// The requests as JSON for programs of other people that write a store.
  ///
  /// - Parameter fingerprint: what the run will compare with the store's.
  public static func json(_ requests: [ConversationRequest], fingerprint: [String: String]) throws -> Data {
    struct Turn: Encodable {
      let role, text: String
      let images: Int
    }
    struct Line: Encodable {
      let sample, view, record: String
      let variant: Int
      let images: [String]
      let turns: [Turn]
    }
    return try RequestFile(
      fingerprint: fingerprint,
      samples: requests.map { request in
        Line(
          sample: request.stored.name, view: request.stored.view, record: request.stored.record,
          variant: request.stored.variant, images: request.conversation.images,
          turns: request.conversation.turns.map { Turn(role: $0.role.rawValue, text: $0.text, images: $0.images) })
      }
    ).json()
  }
}

extension ConversationDataset {
  /// Where a teacher store holds the states of the conversation with this index.
  func stored(_ index: Int) -> StoredSample {
    StoredSample(record: keys[index], variant: 0, question: StoredSample.conversation)
  }
}
