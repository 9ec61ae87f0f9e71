import CZlib
import Foundation
import Tensors

/// Numbers of a data set of an HDF5 file, read in rows of its first dimension.
struct HDF5Dataset: Sendable {
  enum Kind: Sendable, Equatable {
    case integer(signed: Bool)
    case float
  }

  let name: String
  let shape: [Int]
  let kind: Kind
  /// Bytes of a number.
  let width: Int

  private enum Layout: Sendable {
    case contiguous(UInt64)
    case chunked(shape: [Int], chunks: [[Int]: Chunk])
  }

  private struct Chunk: Sendable {
    var place: UInt64
    var size: Int
    /// Filters that were left out.
    var skipped: UInt64
  }

  private enum Filter: UInt64, Sendable {
    case gzip = 1
    case shuffle = 2
  }

  private let bytes: HDF5Bytes
  private let layout: Layout
  private let filters: [Filter]

  /// Bytes of the largest chunk, and of the rows that are read at once.
  private static let mostBytes = 1 << 28

  /// - Throws: `UserError` naming the data set, and what of it is damaged or not read.
  init(name: String, messages: [HDF5File.Message], bytes: HDF5Bytes) throws {
    self.name = name
    self.bytes = bytes
    func fields(_ type: UInt64, _ what: String) throws -> HDF5Fields {
      guard let message = messages.first(where: { $0.type == type }) else {
        throw bytes.fault("\(name) has no \(what)")
      }
      return message.fields
    }
    shape = try Self.shape(fields(0x01, "extent"), name, bytes)
    (kind, width) = try Self.type(fields(0x03, "type of number"), name, bytes)
    filters = try messages.first { $0.type == 0x0B }.map { try Self.filters($0.fields, name, bytes) } ?? []
    layout = try Self.layout(fields(0x08, "layout"), shape: shape, width: width, name, bytes)
  }

  private static func shape(_ message: HDF5Fields, _ name: String, _ bytes: HDF5Bytes) throws -> [Int] {
    var fields = message
    let (version, rank) = (try fields.number(1), try fields.count(1))
    guard version == 1 || version == 2, (1...4).contains(rank) else {
      throw bytes.unread("\(name) is of \(rank) dimensions (version \(version))")
    }
    try fields.skip(version == 1 ? 6 : 2)
    let shape = try (0..<rank).map { _ in try fields.count(8) }
    // No product of these can run over.
    guard shape.allSatisfy({ $0 >= 1 && $0 <= 1 << 32 }),
      shape.dropFirst().reduce(1.0, { $0 * Double($1) }) <= 268_435_456
    else { throw bytes.fault("\(name) is of \(shape.map { "\($0)" }.joined(separator: " x ")) numbers") }
    return shape
  }

  private static func type(_ message: HDF5Fields, _ name: String, _ bytes: HDF5Bytes) throws -> (Kind, Int) {
    var fields = message
    let (form, flags) = (try fields.number(1) & 0x0F, try fields.number(3))
    let width = try fields.count(4)
    let isLittleEndian = flags & 1 == 0 && flags & 0x40 == 0
    if form == 0, isLittleEndian, [1, 2, 4, 8].contains(width) { return (.integer(signed: flags & 8 != 0), width) }
    // Bits of exponent and fraction, and the exponent's zero, of IEEE numbers of 2, 4 and 8 bytes.
    let ieee: [Int: [UInt64]] = [2: [10, 5, 0, 10, 15], 4: [23, 8, 0, 23, 127], 8: [52, 11, 0, 52, 1023]]
    guard form == 1, isLittleEndian, let expected = ieee[width] else {
      throw bytes.unread("\(name) holds no little-endian integers or floating-point numbers of 2, 4 or 8 bytes")
    }
    try fields.skip(4)
    let found = try [1, 1, 1, 1, 4].map { try fields.number($0) }
    guard found == expected else { throw bytes.unread("\(name) holds floating-point numbers of its own kind") }
    return (.float, width)
  }

  private static func filters(_ message: HDF5Fields, _ name: String, _ bytes: HDF5Bytes) throws -> [Filter] {
    var fields = message
    let (version, count) = (try fields.number(1), try fields.count(1))
    guard version == 1 || version == 2 else { throw bytes.unread("\(name) has filters of version \(version)") }
    try fields.skip(version == 1 ? 6 : 0)
    return try (0..<count).map { _ in
      let id = try fields.number(2)
      guard let filter = Filter(rawValue: id) else { throw bytes.unread("\(name) has a filter of number \(id)") }
      let words = version == 1 ? try fields.count(2) : 0
      try fields.skip(2)
      let values = try fields.count(2)
      try fields.skip((words + 7) / 8 * 8 + 4 * values + (version == 1 && values % 2 == 1 ? 4 : 0))
      return filter
    }
  }

  private static func layout(
    _ message: HDF5Fields, shape: [Int], width: Int, _ name: String, _ bytes: HDF5Bytes
  ) throws -> Layout {
    var fields = message
    let (version, form) = (try fields.number(1), try fields.number(1))
    if (version == 3 || version == 4) && form == 1 {
      let place = try fields.number(8)
      let row = shape.dropFirst().reduce(width, *)
      guard place <= bytes.size, try fields.number(8) / UInt64(row) >= UInt64(shape[0]),
        UInt64(shape[0]) <= bytes.size / UInt64(row), place <= bytes.size - UInt64(shape[0] * row)
      else { throw bytes.fault("\(name) is cut short") }
      return .contiguous(place)
    }
    guard version == 3, form == 2 else {
      throw bytes.unread("\(name) is laid out in form \(form) of version \(version)")
    }
    let rank = try fields.count(1) - 1
    let tree = try fields.number(8)
    guard rank == shape.count else { throw bytes.fault("\(name) has chunks of \(rank) dimensions") }
    let chunk = try (0..<rank).map { _ in try fields.count(4) }
    guard try fields.count(4) == width, chunk.allSatisfy({ $0 >= 1 }),
      chunk.reduce(Double(width), { $0 * Double($1) }) <= Double(mostBytes)
    else { throw bytes.fault("\(name) has chunks of \(chunk.map { "\($0)" }.joined(separator: " x ")) numbers") }
    return .chunked(shape: chunk, chunks: try chunks(at: tree, rank: rank, bytes))
  }

  private static func chunks(at tree: UInt64, rank: Int, _ bytes: HDF5Bytes) throws -> [[Int]: Chunk] {
    // The address of what was never written.
    guard tree != .max else { return [:] }
    var chunks: [[Int]: Chunk] = [:]
    try HDF5File.eachLeaf(bytes, tree: tree, type: 1, keyBytes: 8 + 8 * (rank + 1)) { address, key in
      let (size, skipped) = (try key.count(4), try key.number(4))
      let start = try (0..<rank).map { _ in try key.count(8) }
      chunks[start] = Chunk(place: address, size: size, skipped: skipped)
    }
    return chunks
  }

  /// The numbers of a row as they are stored, little-endian, `width` bytes each; zeros where nothing was written.
  /// - Throws: `UserError` (bad input) where they are damaged or cut short.
  func row(_ index: Int) throws -> [UInt8] {
    precondition((0..<shape[0]).contains(index), "a row of the data set")
    let row = shape.dropFirst().reduce(width, *)
    guard row <= Self.mostBytes else { throw bytes.fault("\(name) has rows of \(row) bytes") }
    switch layout {
    case .contiguous(let place): return try bytes.read(row, at: place + UInt64(index * row)).bytes
    case .chunked(let chunk, let chunks):
      var values = [UInt8](repeating: 0, count: row)
      for start in Self.starts(of: chunk, in: shape, row: index) {
        guard let stored = chunks[start] else { continue }
        try copy(try unpacked(stored, bytes: chunk.reduce(width, *)), chunk, from: start, row: index, to: &values)
      }
      return values
    }
  }

  /// All numbers of a data set of one dimension, as they are stored.
  /// - Throws: as `row`.
  func vector() throws -> [UInt8] {
    precondition(shape.count == 1, "a data set of one dimension")
    guard shape[0] <= Self.mostBytes / width else { throw bytes.fault("\(name) has \(shape[0]) numbers") }
    switch layout {
    case .contiguous(let place): return try bytes.read(shape[0] * width, at: place).bytes
    case .chunked(let chunk, let chunks):
      var values = [UInt8](repeating: 0, count: shape[0] * width)
      for (start, stored) in chunks where start[0] < shape[0] {
        let block = try unpacked(stored, bytes: chunk[0] * width)
        let count = min(chunk[0], shape[0] - start[0])
        values.replaceSubrange(start[0] * width..<(start[0] + count) * width, with: block[..<(count * width)])
      }
      return values
    }
  }

  /// Where the chunks begin that hold parts of a row.
  private static func starts(of chunk: [Int], in shape: [Int], row: Int) -> [[Int]] {
    var starts = [[row / chunk[0] * chunk[0]]]
    for dimension in shape.indices.dropFirst() {
      let places = stride(from: 0, to: shape[dimension], by: chunk[dimension])
      starts = starts.flatMap { start in places.map { start + [$0] } }
    }
    return starts
  }

  /// Copies a chunk's part of a row, run by run of its last dimension.
  private func copy(
    _ block: [UInt8], _ chunk: [Int], from start: [Int], row: Int, to values: inout [UInt8]
  ) throws {
    let inner = Array(shape.indices.dropFirst().dropLast())
    // The places of the dimensions between the first and the last.
    var places: [[Int]] = [[]]
    for dimension in inner {
      let end = min(shape[dimension], start[dimension] + chunk[dimension])
      places = places.flatMap { place in (start[dimension]..<end).map { place + [$0] } }
    }
    let last = shape.count - 1
    let run = last == 0 ? 1 : min(chunk[last], shape[last] - start[last])
    for place in places {
      var (from, to) = (row - start[0], 0)
      for (dimension, value) in zip(inner, place) {
        from = from * chunk[dimension] + value - start[dimension]
        to = to * shape[dimension] + value
      }
      if last > 0 { (from, to) = (from * chunk[last], to * shape[last] + start[last]) }
      values.replaceSubrange(
        to * width..<(to + run) * width, with: block[from * width..<(from + run) * width])
    }
  }

  /// A chunk's numbers, its filters undone from the last to the first.
  private func unpacked(_ chunk: Chunk, bytes count: Int) throws -> [UInt8] {
    guard chunk.size <= 2 * Self.mostBytes else { throw bytes.fault("a chunk of \(name) has \(chunk.size) bytes") }
    var block = try bytes.read(chunk.size, at: chunk.place).bytes
    for (place, filter) in filters.enumerated().reversed() where chunk.skipped >> UInt64(place) & 1 == 0 {
      switch filter {
      case .gzip:
        var (unzipped, length) = ([UInt8](repeating: 0, count: count), uLongf(count))
        guard uncompress(&unzipped, &length, block, uLong(block.count)) == Z_OK, Int(length) == count else {
          throw bytes.fault("a chunk of \(name) is damaged")
        }
        block = unzipped
      case .shuffle:
        // All first bytes of the numbers, then all second ones.
        let numbers = block.count / width
        var ordered = block
        for byte in 0..<width {
          for number in 0..<numbers { ordered[number * width + byte] = block[byte * numbers + number] }
        }
        block = ordered
      }
    }
    guard block.count == count else { throw bytes.fault("a chunk of \(name) has \(block.count) of \(count) bytes") }
    return block
  }

  /// Floating-point numbers of stored bytes.
  func floats(_ stored: [UInt8]) -> [Float] {
    precondition(kind == .float, "a data set of floating-point numbers")
    return stride(from: 0, to: stored.count - width + 1, by: width).map { place in
      let bits = Self.number(stored, place, width)
      switch width {
      case 2: return Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
      case 4: return Float(bitPattern: UInt32(truncatingIfNeeded: bits))
      default: return Float(Double(bitPattern: bits))
      }
    }
  }

  /// Integers of stored bytes; nil for one beyond `Int`.
  func integers(_ stored: [UInt8]) -> [Int?] {
    guard case .integer(let signed) = kind else { preconditionFailure("a data set of integers") }
    return stride(from: 0, to: stored.count - width + 1, by: width).map { place in
      let bits = Self.number(stored, place, width)
      guard signed, width < 8, bits >> UInt64(8 * width - 1) & 1 == 1 else {
        return signed ? Int(Int64(bitPattern: bits)) : Int(exactly: bits)
      }
      return Int(Int64(bitPattern: bits | UInt64.max << UInt64(8 * width)))
    }
  }

  private static func number(_ bytes: [UInt8], _ place: Int, _ width: Int) -> UInt64 {
    var value: UInt64 = 0
    for byte in 0..<width { value |= UInt64(bytes[place + byte]) << UInt64(8 * byte) }
    return value
  }
}
