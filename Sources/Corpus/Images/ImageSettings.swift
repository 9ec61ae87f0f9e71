/// How resampling and scaling are called in the settings of image processors. Checkpoints and teacher stores compare these
/// words, so they are spelled out here and do not follow the names in this program.
extension ResamplingFilter: CustomStringConvertible {
  public var description: String {
    switch self {
    case .nearest: "nearest"
    case .lanczos: "lanczos"
    case .bilinear: "bilinear"
    case .bicubic: "bicubic"
    case .box: "box"
    case .hamming: "hamming"
    }
  }
}

extension PixelScaling: CustomStringConvertible {
  /// "rescale 1/255, mean 0.5 0.5 0.5, deviation 0.5 0.5 0.5".
  public var description: String {
    func words(_ numbers: [Double]) -> String { numbers.map { "\($0)" }.joined(separator: " ") }
    let rescaled = rescale.map { $0 == 1.0 / 255 ? "rescale 1/255" : "rescale \($0)" } ?? "not rescaled"
    let normalised = normalisation.map { "mean \(words($0.mean)), deviation \(words($0.deviation))" }
    return "\(rescaled), \(normalised ?? "not normalised")"
  }
}
