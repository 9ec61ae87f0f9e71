import Autograd
import Tensors

/// Answers from a model: greedy decoding with a key-value cache, and the probabilities of the first answer token.
///
/// Inputs hold the prompts of several samples end to end; they are computed together, without padding.
public struct Generator<Element: Scalar> {
  private let model: any VisionLanguageModel<Element>
  private let pool: BufferPool<Element>
  private let team: ThreadTeam?

  /// - Parameter team: threads that share the work, with the product library set to one; nil leaves the threads to the
  ///   library. Scores may differ in their last bits between one number of threads and another.
  public init(
    _ model: any VisionLanguageModel<Element>, pool: BufferPool<Element> = BufferPool(), team: ThreadTeam? = nil
  ) {
    self.model = model
    self.pool = pool
    self.team = team
  }

  /// The most probable next token again and again, per sequence, until a stop token (not returned) or the limit.
  ///
  /// - Parameters:
  ///   - stopTokens: nil = the model's own end tokens.
  ///   - onToken: called with (sequence, token) as tokens come; return false to end that sequence.
  /// - Throws: `UserError` when the input does not fit the model or a sequence is empty.
  /// - Complexity: one forward over the prompts, then one per token over the sequences that go on.
  public func generate(
    _ prompts: ModelInput<Element>, maximumNewTokens: Int, stopTokens: Set<Int>? = nil,
    onToken: (_ sequence: Int, _ token: Int) -> Bool = { _, _ in true }
  ) throws -> [[Int]] {
    try checkPrompts(prompts)
    let stops = stopTokens ?? Set(model.endTokens)
    let count = prompts.sequences.count
    var answers = [[Int]](repeating: [], count: count)
    guard maximumNewTokens > 0, count > 0 else { return answers }
    let capacity = (prompts.sequences.lengths.max() ?? 0) + maximumNewTokens
    let cache = model.cache(sequences: count, capacity: capacity)
    var nextPosition = prompts.sequences.offsets.dropFirst().enumerated().map { index, end in
      (prompts.positions?[end - 1] ?? prompts.sequences[index].count - 1) + 1
    }
    var input = prompts
    for step in 1...maximumNewTokens {
      let scores = lastRowLogits(input, cache: cache)
      var going: [Int] = []
      var tokens: [Int] = []
      for (row, sequence) in cache.active.enumerated() {
        let token = scores.columnOfLargest(row: row)
        guard !stops.contains(token) else { continue }
        answers[sequence].append(token)
        guard onToken(sequence, token), step < maximumNewTokens else { continue }
        going.append(sequence)
        tokens.append(token)
      }
      guard !going.isEmpty else { break }
      cache.active = going
      input = ModelInput(
        pixels: pool.tensor([0, 3, 0, 0]), ids: tokens, sequences: Segments(count: going.count, length: 1),
        positions: going.map { nextPosition[$0] })
      for sequence in going { nextPosition[sequence] += 1 }
    }
    return answers
  }

  /// Probability of each of `tokens` as the first answer token: softmax of the logits after each prompt's last token.
  ///
  /// Result: [conversation][token], one row per branch where a sequence has branches. The score of a yes/no question is
  /// p(yes) / (p(yes) + p(no)). NaN behind a prompt of whose logits one is NaN or infinite, or none is above -infinity.
  /// - Throws: `UserError` when the input does not fit the model or a sequence is empty.
  public func firstTokenProbabilities(_ prompts: ModelInput<Element>, of tokens: [Int]) throws -> [[Double]] {
    try checkPrompts(prompts)
    if let token = tokens.first(where: { !(0..<model.vocabularySize).contains($0) }) {
      throw UserError(.badInput, "token id \(token), expected 0 to \(model.vocabularySize - 1)")
    }
    guard prompts.sequences.count > 0 else { return [] }
    let scores = lastRowLogits(prompts, cache: nil)
    // Of a row without any number softmax makes zeros.
    let isNumber = (0..<scores.rows).map { row in
      scores[row * scores.columns + scores.columnOfLargest(row: row)] > -Element.infinity
    }
    scores.softmaxRows()
    return (0..<scores.rows).map { row in
      tokens.map { isNumber[row] ? Double(scores[row * scores.columns + $0]) : .nan }
    }
  }

  /// [sequences, vocabulary]
  private func lastRowLogits(_ input: ModelInput<Element>, cache: KeyValueCache<Element>?) -> Tensor<Element> {
    let tape = Tape(pool: pool, recording: false, team: team)
    let output = model.forward(input, tape: tape, cache: cache, observe: nil)
    let last = tape.gatherRows(output.hidden, input.lastRows)
    return model.logits(last, tape: tape).value
  }

  private func checkPrompts(_ prompts: ModelInput<Element>) throws {
    try model.check(prompts)
    if let empty = prompts.sequences.lengths.firstIndex(of: 0) {
      throw UserError(.badInput, "prompt \(empty) is empty, expected at least one token")
    }
  }
}
