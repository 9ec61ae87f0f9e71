import Corpus
import Foundation
import Training

/// The samples of a teacher store in their order, and what they come from.
protocol StoreSamples: Sendable {
  /// Where each lies in the store.
  var stored: [StoredSample] { get }
  /// Pictures that the sample at a position shows; a recording is one.
  func images(_ position: Int) -> Int
  /// What a run's material is, in words that are compared, whoever teaches.
  var fingerprint: [String: String] { get }
  /// The samples and the fingerprint as JSON for programs of other people that write a store.
  func requestsJSON() throws -> Data
  /// The samples as a teacher is given them. - Throws: `UserError` where it cannot be shown this material.
  func inputs(for teacher: ModelBlueprint) throws -> any StoreInputs
}

/// The samples of a store as one teacher is given them.
protocol StoreInputs: Sendable {
  /// Tokenizer, prompt and image settings of the teacher, in words that are compared.
  var fingerprint: [String: String] { get }
  /// What the teacher is given of a sample. - Throws: `UserError` naming the record or entry at fault.
  func input(_ position: Int) throws -> PreparedInput
  /// The token ids of `input` alone, for which no picture is decoded. - Throws: as `input`.
  func ids(_ position: Int) throws -> [Int32]
}
