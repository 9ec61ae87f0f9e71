import Autograd
import Corpus

/// The rows of inputs laid end to end whose prediction is an answer token: position t predicts the label of t + 1.
struct AnswerRows {
  private(set) var rows: [Int] = []
  /// The token each row predicts.
  private(set) var labels: [Int] = []
  /// Rows of each input.
  let segments: Segments

  init(_ inputs: [PreparedInput]) {
    var start = 0
    var lengths: [Int] = []
    for conversation in inputs.map(\.conversation) {
      let before = rows.count
      for position in conversation.ids.indices.dropFirst()
      where conversation.labels[position] != TokenizedConversation.ignored {
        rows.append(start + position - 1)
        labels.append(Int(conversation.labels[position]))
      }
      lengths.append(rows.count - before)
      start += conversation.ids.count
    }
    segments = Segments(lengths: lengths)
  }
}
