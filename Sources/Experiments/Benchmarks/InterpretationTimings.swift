import Foundation
import Models
import Tensors

/// How long an answer took, and what bounds its pace.
public struct InterpretationTimings: Codable, Sendable {
  public var threads: Int
  /// Seconds: reading the model; from the ECG's being prepared to the first token, nil where the answer is empty.
  public var loading: Double
  public var firstToken: Double?
  public var tokens: Int
  /// Behind the first; nil where there are none.
  public var tokensPerSecond: Double?
  /// Bytes of weights that a token reads, and reads of them a second.
  public var weightBytes: Int
  public var bytesPerSecond: Double?
  /// Bytes a second that a plain pass over memory reads with as many threads: the best of before and after.
  public var memoryBandwidth: Double

  /// - Parameter bandwidth: measured before the model was read; it is measured once more.
  public init(loading: Double, pace: GenerationPace, threads: Int, bandwidth: Double) {
    self.threads = threads
    self.loading = loading
    firstToken = pace.firstToken
    tokens = pace.tokens
    tokensPerSecond = pace.tokensPerSecond
    weightBytes = pace.weightBytes
    bytesPerSecond = pace.bytesPerSecond
    memoryBandwidth = max(bandwidth, MemoryBandwidth.measure(threads: threads))
  }

  public func text() -> String {
    var lines = [
      String(format: "model read in %.2f s, ", loading)
        + (firstToken.map { String(format: "first token after %.2f s", $0) } ?? "no token came")
        + " (\(threads) \(threads == 1 ? "thread" : "threads"))"
    ]
    if let tokensPerSecond, let bytesPerSecond {
      lines.append(
        String(
          format:
            "%d further tokens at %.1f a second: %.1f MB of weights each, %.1f GB/s, %.0f%% of the %.1f GB/s that "
            + "memory gives", tokens - 1, tokensPerSecond, Double(weightBytes) * 1e-6, bytesPerSecond * 1e-9,
          100 * bytesPerSecond / memoryBandwidth, memoryBandwidth * 1e-9))
    }
    return lines.joined(separator: "\n")
  }
}
