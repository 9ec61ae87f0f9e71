import Cardiology
import Foundation
import Tensors

/// One sample that a teacher is asked for: the conversation and the picture whose states a store keeps.
public struct TeacherRequest: Sendable {
  public let sample: ECGSample
  public let question: Question
  public let variant: Int

  public var stored: StoredSample {
    StoredSample(record: sample.id, variant: variant, question: question.kind.name)
  }

  /// Everything that training on these samples may ever draw, for any number of steps: each record in each variant with
  /// each question of the mix, in this order.
  public static func all(_ samples: [ECGSample], mix: QuestionDraw.Mix, variants: Int) -> [TeacherRequest] {
    samples.flatMap { sample in
      let questions = sample.questions.filter { mix.copies(of: $0.kind) > 0 }
      return (0..<variants).flatMap { variant in
        questions.map { TeacherRequest(sample: sample, question: $0, variant: variant) }
      }
    }
  }

  /// The requests as JSON for programs of other people that write a store.
  ///
  /// - Parameter fingerprint: what the run will compare with the store's.
  public static func json(_ requests: [TeacherRequest], fingerprint: [String: String]) throws -> Data {
    struct Line: Encodable {
      let sample, view, record: String
      let variant: Int
      let question, answer: String
    }
    return try RequestFile(
      fingerprint: fingerprint,
      samples: requests.map {
        Line(
          sample: $0.stored.name, view: $0.stored.view, record: $0.sample.id, variant: $0.variant,
          question: $0.question.text, answer: $0.question.answer)
      }
    ).json()
  }
}

/// What `teach --requests` writes.
struct RequestFile<Line: Encodable>: Encodable {
  /// What a run will compare with the store's.
  let fingerprint: [String: String]
  let samples: [Line]

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}

extension Augmentation {
  /// A variant of a record as teacher stores keep it: number 0 is the record as it is, any other one fixed draw.
  public func variant(_ number: Int, of record: ECGRecord, seed: UInt64, sample: Int) -> ECGRecord {
    number == 0 ? record : apply(to: record, seed: seed, epoch: number, sample: sample)
  }
}
