import Dispatch

/// How fast an answer comes: the time to its first token, and the pace of the others against what memory gives.
///
/// Every token but the first needs the decoder's weights and the head's once, and little else from memory: the pace is
/// bound by bytes of weights / bandwidth.
public struct GenerationPace: Codable, Sendable {
  /// Seconds from the beginning, images included, to the first token; nil before it.
  public private(set) var firstToken: Double?
  /// Tokens so far.
  public private(set) var tokens = 0
  /// Seconds from the first token to the last.
  public private(set) var later = 0.0
  /// Bytes of weights that one token reads.
  public let weightBytes: Int
  private let start: UInt64

  /// Starts the clock. - Parameter weightBytes: see `VisionLanguageModel.weightBytesPerToken`.
  public init(weightBytes: Int) {
    self.weightBytes = weightBytes
    start = DispatchTime.now().uptimeNanoseconds
  }

  /// A token has come.
  public mutating func count() {
    let elapsed = 1e-9 * Double(DispatchTime.now().uptimeNanoseconds - start)
    tokens += 1
    if let firstToken { later = elapsed - firstToken } else { firstToken = elapsed }
  }

  /// Tokens a second behind the first; nil where there are none.
  public var tokensPerSecond: Double? { tokens > 1 && later > 0 ? Double(tokens - 1) / later : nil }

  /// Bytes of weights read a second behind the first token.
  public var bytesPerSecond: Double? { tokensPerSecond.map { $0 * Double(weightBytes) } }
}

extension VisionLanguageModel {
  /// Bytes of weights that a token of an answer reads, as they are kept: the decoder and the head. Of the embedding it is
  /// one row.
  public var weightBytesPerToken: Int {
    let embedding = type(of: shape).embeddingName
    let decoder = embedding.split(separator: ".").dropLast(2).joined(separator: ".") + "."
    let read = arena.parameters.filter {
      $0.name == head.name || ($0.name.hasPrefix(decoder) && $0.name != embedding)
    }
    return read.reduce(0) { bytes, parameter in
      bytes + parameter.entry.range.count * parameter.kept.bytesPerElement
    }
  }
}
