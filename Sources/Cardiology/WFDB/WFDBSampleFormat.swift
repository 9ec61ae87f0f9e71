/// How a WFDB signal file stores its stream of samples; the raw value is the standard's number.
///
/// Source: WFDB Applications Guide, signal(5).
enum WFDBSampleFormat: Int, CaseIterable {
  /// 16-bit two's complement, low byte first.
  case format16 = 16
  /// 24-bit two's complement, low byte first.
  case format24 = 24
  /// 32-bit two's complement, low byte first.
  case format32 = 32
  /// 8-bit offset binary (128 is zero).
  case format80 = 80
  /// Pairs of 12-bit two's complement samples in three bytes.
  case format212 = 212

  /// The digital value that marks a sample as invalid: the most negative one.
  var invalidSample: Int32 {
    switch self {
    case .format16: -0x8000
    case .format24: -0x80_0000
    case .format32: .min
    case .format80: -0x80
    case .format212: -0x800
    }
  }

  /// Bytes that hold `samples` samples, or nil where that number is out of range.
  func byteCount(samples: Int) -> Int? {
    let (doubled, overflow) = samples.multipliedReportingOverflow(by: twiceBytesPerSample)
    guard !overflow, doubled < .max else { return nil }
    return (doubled + 1) / 2
  }

  /// Samples that fit into `bytes` bytes.
  func sampleCount(bytes: Int) -> Int { bytes * 2 / twiceBytesPerSample }

  private var twiceBytesPerSample: Int {
    switch self {
    case .format80: 2
    case .format212: 3
    case .format16: 4
    case .format24: 6
    case .format32: 8
    }
  }

  /// The first `count` samples of a stream that starts at `offset`.
  /// - Precondition: `bytes` holds them. - Complexity: O(count).
  func decode(_ bytes: [UInt8], offset: Int, count: Int) -> [Int32] {
    switch self {
    case .format80: (0..<count).map { Int32(bytes[offset + $0]) - 128 }
    case .format16: (0..<count).map { Int32(Int16(truncatingIfNeeded: Self.word(bytes, offset + 2 * $0, bytes: 2))) }
    case .format24: (0..<count).map { (Self.word(bytes, offset + 3 * $0, bytes: 3) << 8) >> 8 }
    case .format32: (0..<count).map { Self.word(bytes, offset + 4 * $0, bytes: 4) }
    case .format212: (0..<count).map { Self.packed(bytes, offset + $0 / 2 * 3, second: $0 % 2 == 1) }
    }
  }

  private static func word(_ bytes: [UInt8], _ at: Int, bytes count: Int) -> Int32 {
    var value: UInt32 = 0
    for index in 0..<count { value |= UInt32(bytes[at + index]) << UInt32(8 * index) }
    return Int32(bitPattern: value)
  }

  /// First sample: byte 0 and the low half of byte 1; second: byte 2 and the high half of byte 1.
  private static func packed(_ bytes: [UInt8], _ at: Int, second: Bool) -> Int32 {
    let middle = UInt32(bytes[at + 1])
    let value = second ? UInt32(bytes[at + 2]) | (middle & 0xF0) << 4 : UInt32(bytes[at]) | (middle & 0x0F) << 8
    return Int32(bitPattern: value << 20) >> 20
  }
}
