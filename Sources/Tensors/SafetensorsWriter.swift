import Foundation

/// Writes a safetensors file: collects tensors, then writes header and data in one pass.
///
/// Tensors are kept in the order they were added; the header is padded so that the data start at a multiple of 8.
public struct SafetensorsWriter {
  private struct Part {
    let name: String
    let type: String
    let shape: [Int]
    let byteCount: Int
    let write: (FileHandle) throws -> Void
  }

  private var parts: [Part] = []
  private let metadata: [String: String]

  public init(metadata: [String: String] = ["format": "pt"]) { self.metadata = metadata }

  /// Adds a tensor in its own type.
  public mutating func add<Element: TensorElement>(_ name: String, _ tensor: Tensor<Element>) {
    add(name, tensor.shape) { tensor }
  }

  /// Adds a tensor that is formed when the file is written, and let go of then.
  public mutating func add<Element: TensorElement>(
    _ name: String, _ shape: [Int], _ tensor: @escaping () throws -> Tensor<Element>
  ) {
    append(name, Element.safetensorsType, shape, shape.reduce(1, *) * MemoryLayout<Element>.stride) { file in
      let tensor = try tensor()
      precondition(tensor.shape == shape, "\(name) was formed as \(tensor.shape), announced as \(shape)")
      try Self.write(tensor, to: file)
    }
  }

  /// Adds a tensor whose consecutive pieces are formed one after another when the file is written.
  public mutating func add<Element: TensorElement>(
    _ name: String, _ shape: [Int], pieces: [() throws -> Tensor<Element>]
  ) {
    let count = shape.reduce(1, *)
    append(name, Element.safetensorsType, shape, count * MemoryLayout<Element>.stride) { file in
      var written = 0
      for piece in pieces {
        let tensor = try piece()
        try Self.write(tensor, to: file)
        written += tensor.count
      }
      precondition(written == count, "\(name) was formed of \(written) elements, announced as \(shape)")
    }
  }

  /// Adds a tensor as BF16, rounded to the nearest, to even where two are equally near.
  public mutating func add<Element: Scalar>(roundedToBF16 tensor: Tensor<Element>, as name: String) {
    add(roundedToBF16: tensor.shape, as: name, pieces: [{ tensor }])
  }

  /// Adds a tensor as BF16 whose consecutive pieces are formed one after another when the file is written.
  public mutating func add<Element: Scalar>(
    roundedToBF16 shape: [Int], as name: String, pieces: [() throws -> Tensor<Element>]
  ) {
    let count = shape.reduce(1, *)
    append(name, "BF16", shape, count * 2) { file in
      var written = 0
      for piece in pieces {
        let tensor = try piece()
        written += tensor.count
        // In blocks, so that no second copy of a large tensor is ever held.
        for start in stride(from: 0, to: tensor.count, by: 1 << 20) {
          let part = tensor.range(start..<min(start + 1 << 20, tensor.count))
          let block = Tensor<BFloat16>(uninitialised: part.shape)
          block.setRounded(part)
          try Self.write(block, to: file)
        }
      }
      precondition(written == count, "\(name) was formed of \(written) elements, announced as \(shape)")
    }
  }

  /// Adds integers as I64.
  public mutating func add(_ name: String, integers: [Int], shape: [Int]) {
    precondition(integers.count == shape.reduce(1, *), "\(integers.count) integers do not fill \(shape)")
    append(name, "I64", shape, integers.count * 8) { file in
      try integers.map { Int64($0).littleEndian }.withUnsafeBufferPointer {
        try file.write(contentsOf: Data(buffer: $0))
      }
    }
  }

  /// Adds bytes as U8.
  public mutating func add(_ name: String, bytes: [UInt8], shape: [Int]) {
    precondition(bytes.count == shape.reduce(1, *), "\(bytes.count) bytes do not fill \(shape)")
    append(name, "U8", shape, bytes.count) { try $0.write(contentsOf: Data(bytes)) }
  }

  /// Adds a tensor of another file as it lies there; its bytes are copied when this file is written.
  /// - Throws: `UserError` when the file holds none of that name.
  public mutating func add(_ name: String, of file: SafetensorsFile) throws {
    let entry = try file.entry(name)
    append(name, entry.type, entry.shape, entry.bytes.count) { try $0.write(contentsOf: file.data(name)) }
  }

  /// Straight from the tensor's memory, which may be a large part of the machine's.
  private static func write<Element: TensorElement>(_ tensor: Tensor<Element>, to file: FileHandle) throws {
    try tensor.withUnsafeMutableBufferPointer { elements in
      guard let base = elements.baseAddress else { return }
      try file.write(
        contentsOf: Data(
          bytesNoCopy: base, count: elements.count * MemoryLayout<Element>.stride, deallocator: .none))
    }
  }

  private mutating func append(
    _ name: String, _ type: String, _ shape: [Int], _ byteCount: Int, write: @escaping (FileHandle) throws -> Void
  ) {
    precondition(!parts.contains { $0.name == name }, "tensor \(name) is added twice")
    parts.append(Part(name: name, type: type, shape: shape, byteCount: byteCount, write: write))
  }

  /// Writes and syncs the file. - Throws: `UserError` (input/output), for instance when the disk is full.
  public func write(to url: URL) throws {
    do {
      guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
        throw UserError(.inputOutput, "\(url.path) cannot be created", remedy: "check the folder and its permissions")
      }
      let file = try FileHandle(forWritingTo: url)
      defer { try? file.close() }
      try file.write(contentsOf: header())
      for part in parts { try part.write(file) }
      try file.synchronize()
    } catch let error as UserError {
      throw error
    } catch {
      throw UserError(
        .inputOutput, "\(url.path) cannot be written: \(error.localizedDescription)",
        remedy: "check the free space (df) and the permissions of the folder")
    }
  }

  private func header() throws -> Data {
    var fields: [String] = []
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    func json(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
    if !metadata.isEmpty { fields.append("\"__metadata__\":\(try json(metadata))") }
    var offset = 0
    for part in parts {
      let end = offset + part.byteCount
      fields.append(
        "\(try json(part.name)):{\"dtype\":\"\(part.type)\",\"shape\":\(try json(part.shape)),"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Data("{\(fields.joined(separator: ","))}".utf8)
    text.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8))
    var result = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
    result.append(text)
    return result
  }
}
