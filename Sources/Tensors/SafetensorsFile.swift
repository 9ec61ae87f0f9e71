import Foundation

/// A safetensors file opened for reading; the data are mapped, not loaded.
///
/// Format: 8 bytes little-endian header length, a JSON header of name: {dtype, shape, data_offsets}, then the data.
/// Source: the safetensors format description (Hugging Face).
public struct SafetensorsFile: Sendable {
  /// Where one tensor lies.
  public struct Entry: Sendable, Equatable {
    /// Name of the element type, such as F32 or BF16.
    public let type: String
    public let shape: [Int]
    /// Bytes of the data section.
    public let bytes: Range<Int>
    public var count: Int { shape.reduce(1, *) }
  }

  public let url: URL
  public let entries: [String: Entry]
  /// The free-text part of the header.
  public let metadata: [String: String]
  private let data: MappedFile
  private let start: Int

  /// Bytes of one element of each type the format knows.
  public static let elementSizes = [
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2,
    "U8": 1, "BOOL": 1,
  ]

  /// Maps the file and checks its header: every offset lies in the file and every size matches its shape.
  public init(contentsOf url: URL) throws {
    let data = try MappedFile(url)
    let bytes = data.bytes
    func broken(_ why: String) -> UserError {
      UserError(
        .badInput, "\(url.path) is not a sound safetensors file: \(why)", remedy: "copy or download the file again")
    }
    guard bytes.count >= 8 else { throw broken("it has \(bytes.count) bytes, the header length alone takes 8") }
    let length = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(bytes.count - 8), length <= 100_000_000 else {
      throw broken("its header claims \(length) bytes of a file of \(bytes.count)")
    }
    start = 8 + Int(length)
    guard let header = try? JSONSerialization.jsonObject(with: Data(bytes[8..<start])) as? [String: Any] else {
      throw broken("its header is not a JSON object")
    }
    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]
    for (name, value) in header {
      if name == "__metadata__" {
        guard let strings = value as? [String: String] else { throw broken("its metadata are not strings") }
        metadata = strings
      } else {
        entries[name] = try Self.entry(value, available: bytes.count - start) { broken("tensor \(name) \($0)") }
      }
    }
    try Self.checkCover(entries, available: bytes.count - start, broken)
    self.url = url
    self.data = data
    self.entries = entries
    self.metadata = metadata
  }

  private static func entry(_ value: Any, available: Int, broken: (String) -> UserError) throws -> Entry {
    guard let fields = value as? [String: Any], let type = fields["dtype"] as? String,
      let shape = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int], offsets.count == 2
    else { throw broken("lacks dtype, shape or data_offsets") }
    guard let size = elementSizes[type] else { throw broken("has the unknown type \(type)") }
    var bytes = size
    for extent in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { throw broken("has the impossible shape \(shape)") }
      bytes = product
    }
    guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] <= available else {
      throw broken("lies at \(offsets) of \(available) bytes of data: the file is truncated or damaged")
    }
    guard offsets[1] - offsets[0] == bytes else {
      throw broken(
        "of type \(type) and shape \(shape) needs \(bytes) bytes, its offsets give \(offsets[1] - offsets[0])")
    }
    return Entry(type: type, shape: shape, bytes: offsets[0]..<offsets[1])
  }

  /// The format asks that the tensors cover the data, without holes and without a rest.
  private static func checkCover(
    _ entries: [String: Entry], available: Int, _ broken: (String) -> UserError
  ) throws {
    var end = 0
    for (name, entry) in entries.sorted(by: {
      ($0.value.bytes.lowerBound, $0.key) < ($1.value.bytes.lowerBound, $1.key)
    })
    where !entry.bytes.isEmpty {
      guard entry.bytes.lowerBound == end else {
        throw broken("tensor \(name) begins at byte \(entry.bytes.lowerBound) of the data, expected \(end)")
      }
      end = entry.bytes.upperBound
    }
    guard end == available else { throw broken("its tensors end at byte \(end) of \(available) bytes of data") }
  }

  /// Names in alphabetical order.
  public var names: [String] { entries.keys.sorted() }

  /// The entry of a name. - Throws: `UserError` naming the file and the tensor when it is absent.
  public func entry(_ name: String) throws -> Entry {
    guard let entry = entries[name] else {
      throw UserError(.badInput, "\(url.path) holds no tensor named \(name)", remedy: "it holds: \(summary)")
    }
    return entry
  }

  private var summary: String {
    names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", and \(names.count - 8) more" : "")
  }

  /// A floating-point tensor converted to `Element`. F64, F32, F16 and BF16 can be read.
  public func tensor<Element: Scalar>(_ name: String, as type: Element.Type = Element.self) throws -> Tensor<Element> {
    let entry = try entry(name)
    let result = Tensor<Element>(uninitialised: entry.shape)
    try read(name, into: result)
    return result
  }

  /// Converts a floating-point tensor straight into existing memory of the same count.
  public func read<Element: Scalar>(_ name: String, into target: Tensor<Element>) throws {
    let entry = try entry(name)
    guard entry.count == target.count else {
      throw UserError(
        .badInput, "tensor \(name) of \(url.path) has shape \(entry.shape), expected \(target.shape)",
        remedy: "name the file that belongs to this model or case")
    }
    guard ["F64", "F32", "F16", "BF16"].contains(entry.type) else {
      throw UserError(
        .badInput, "tensor \(name) of \(url.path) has type \(entry.type), expected floating-point numbers",
        remedy: "store it as F64, F32, F16 or BF16")
    }
    withBytes(of: entry) { Self.convert($0, of: entry.type, count: entry.count, to: target.base) }
  }

  /// Converts `count` numbers from wherever they lie, at an address that suits their type or not.
  private static func convert<Element: Scalar>(
    _ source: UnsafeRawBufferPointer, of type: String, count: Int, to target: UnsafeMutablePointer<Element>
  ) {
    func each<Raw>(_ raw: Raw.Type, _ value: (Raw) -> Element) {
      let size = MemoryLayout<Raw>.size
      for index in 0..<count {
        target[index] = value(source.loadUnaligned(fromByteOffset: index * size, as: Raw.self))
      }
    }
    guard count > 0, let address = source.baseAddress else { return }
    switch type {
    case Element.safetensorsType: UnsafeMutableRawPointer(target).copyMemory(from: address, byteCount: source.count)
    case "F64": each(Double.self) { Element($0) }
    case "F32": each(Float.self) { Element($0) }
    case "BF16": Element.kernels.widen(1, count, count, address, target)
    case "F16": Element.kernels.widenHalf(1, count, count, address, target)
    default: preconditionFailure("\(type) is no floating-point type")
    }
  }

  /// The upper left block of a matrix, F32 or BF16, straight into existing memory of the block's shape.
  ///
  /// - Throws: `UserError` naming file and tensor where it is of another type, no matrix, or smaller than the block.
  public func readBlock(_ name: String, into target: Tensor<Float>) throws {
    let entry = try entry(name)
    let (rows, columns) = (target.rows, target.columns)
    guard entry.shape.count == 2, entry.shape[0] >= rows, entry.shape[1] >= columns else {
      throw UserError(
        .badInput, "tensor \(name) of \(url.path) has shape \(entry.shape), expected at least [\(rows), \(columns)]",
        remedy: "write or copy the file again")
    }
    guard ["F32", "BF16"].contains(entry.type) else {
      throw UserError(
        .badInput, "tensor \(name) of \(url.path) has type \(entry.type), expected F32 or BF16",
        remedy: "write the file again")
    }
    withBytes(of: entry) { source in
      let size = entry.type == "F32" ? 4 : 2
      for row in 0..<rows {
        let first = row * entry.shape[1]
        let line = UnsafeRawBufferPointer(rebasing: source[first * size..<(first + columns) * size])
        Self.convert(line, of: entry.type, count: columns, to: target.base + row * columns)
      }
    }
  }

  /// Adds a tensor's bytes to a digest.
  public func digest(_ name: String, into digest: inout Digest) throws {
    withBytes(of: try entry(name)) { digest.update($0) }
  }

  /// A tensor's bytes, copied out of the mapping.
  func data(_ name: String) throws -> Data { withBytes(of: try entry(name)) { Data($0) } }

  /// A tensor as it lies in the mapped file, without a copy; nil for one of another type, or at an address that does not
  /// suit its type.
  ///
  /// The processes of a machine that map the same file share its memory. It must not be written to: that ends the process.
  public func mapped<Element: TensorElement>(
    _ name: String, as type: Element.Type = BFloat16.self
  ) throws -> Tensor<Element>? {
    let entry = try entry(name)
    guard entry.type == Element.safetensorsType, entry.count > 0 else { return nil }
    guard let address = data.bytes.baseAddress.map({ $0 + start + entry.bytes.lowerBound }),
      Int(bitPattern: address) % MemoryLayout<Element>.alignment == 0
    else { return nil }
    let base = UnsafeMutablePointer(mutating: address.bindMemory(to: Element.self, capacity: entry.count))
    return Tensor(borrowing: base, shape: entry.shape, owner: data)
  }

  /// Whether a tensor has the type, shape and bytes of one of another file. - Throws: `UserError` when one is absent.
  public func hasSameBytes(_ name: String, as other: String, in file: SafetensorsFile) throws -> Bool {
    let (own, its) = (try entry(name), try file.entry(other))
    guard own.type == its.type, own.shape == its.shape else { return false }
    return withBytes(of: own) { own in
      file.withBytes(of: its) { its in own.elementsEqual(its) }
    }
  }

  /// An entry's bytes in the mapping, which stays for as long as the body runs.
  private func withBytes<R>(of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    defer { withExtendedLifetime(data) {} }
    return try body(
      UnsafeRawBufferPointer(rebasing: data.bytes[start + entry.bytes.lowerBound..<start + entry.bytes.upperBound]))
  }

  /// An integer tensor; I64, I32, I16, I8, U32, U16, U8 and BOOL can be read.
  public func integers(_ name: String) throws -> [Int] {
    let entry = try entry(name)
    return try withBytes(of: entry) { source in
      func convert<Raw: FixedWidthInteger>(_ raw: Raw.Type) -> [Int] {
        (0..<entry.count).map {
          Int(clamping: source.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Raw>.size, as: Raw.self))
        }
      }
      switch entry.type {
      case "I64": return convert(Int64.self)
      case "I32": return convert(Int32.self)
      case "I16": return convert(Int16.self)
      case "I8": return convert(Int8.self)
      case "U64": return convert(UInt64.self)
      case "U32": return convert(UInt32.self)
      case "U16": return convert(UInt16.self)
      case "U8", "BOOL": return convert(UInt8.self)
      default:
        throw UserError(
          .badInput, "tensor \(name) of \(url.path) has type \(entry.type), expected integers",
          remedy: "store it as I64 or I32")
      }
    }
  }
}
