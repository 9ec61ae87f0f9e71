import Foundation
import Tensors

/// Safetensors files written anew in another form.
public enum StoredWeights {
  /// A number in half precision, towards zero; numbers too small for a leading one become 0.
  public static func half(_ value: Float) -> Half {
    let (sign, magnitude) = (UInt16(value.bitPattern >> 16) & 0x8000, value.magnitude)
    guard magnitude >= 0x1p-14 else { return Half(bits: sign) }
    guard magnitude < 0x1p16 else { return Half(bits: sign | 0x7C00) }
    return Half(bits: sign | UInt16((magnitude.bitPattern >> 13) - 112 << 10))
  }

  /// Writes a file's tensors anew as F16, BF16, F32 or F64.
  public static func rewrite(_ url: URL, as type: String) throws {
    let file = try SafetensorsFile(contentsOf: url)
    var writer = SafetensorsWriter(metadata: file.metadata)
    for name in file.names {
      let tensor: Tensor<Float> = try file.tensor(name)
      switch type {
      case "F16": writer.add(name, Tensor<Half>(tensor.array.map(half), tensor.shape))
      case "BF16": writer.add(roundedToBF16: tensor, as: name)
      case "F64": writer.add(name, tensor.converted(to: Double.self))
      default: writer.add(name, tensor)
      }
    }
    try replace(url) { try writer.write(to: $0) }
  }

  /// Puts every tensor of a file at an odd address, by a longer header.
  public static func misalign(_ url: URL) throws {
    var data = try Data(contentsOf: url)
    let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    data.replaceSubrange(0..<8, with: withUnsafeBytes(of: (length + 1).littleEndian) { Data($0) })
    data.insert(UInt8(ascii: " "), at: 8 + Int(length))
    try replace(url) { try data.write(to: $0) }
  }

  /// A file that is mapped must not be written over.
  private static func replace(_ url: URL, _ write: (URL) throws -> Void) throws {
    let beside = url.appendingPathExtension("new")
    try write(beside)
    try FileManager.default.removeItem(at: url)
    try FileManager.default.moveItem(at: beside, to: url)
  }
}
