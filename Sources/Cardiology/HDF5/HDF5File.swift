import Foundation
import Tensors

/// Data sets in the root group of an HDF5 file, in the form that h5py writes by its own settings.
///
/// That form is: superblock 0 or 1, groups as symbol tables, object headers 1; numbers little-endian; data sets contiguous or
/// in chunks under a B-tree, with or without gzip and shuffle. Whatever else HDF5 knows is refused by name.
///
/// Written here because libhdf5 (1.10) trusts the sizes that a file names: one damaged bit can end the whole program, while
/// everything here is checked against the file and throws.
/// Source: "HDF5 File Format Specification", version 3.0, sections II to IV.
struct HDF5File {
  let bytes: HDF5Bytes
  /// Addresses of object headers by name.
  private let objects: [String: UInt64]

  /// The structures that one file's index may have, against damage that makes it endless.
  private static let mostNodes = 1 << 20

  /// - Throws: `UserError`: input/output where the file cannot be read, bad input where it is no such file.
  init(_ url: URL) throws {
    let bytes = try HDF5Bytes(url)
    self.bytes = bytes
    let mark: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    guard bytes.size >= 96, try bytes.read(8, at: 0).bytes == mark else { throw bytes.fault("it is no HDF5 file") }
    var block = try bytes.read(96, at: 0)
    try block.skip(8)
    let version = try block.number(1)
    guard version <= 1 else { throw bytes.unread("its superblock is of version \(version)") }
    try block.skip(4)
    guard try block.number(1) == 8, try block.number(1) == 8 else {
      throw bytes.unread("its addresses are not of 8 bytes")
    }
    try block.skip(version == 0 ? 9 : 13)
    guard try block.number(8) == 0 else { throw bytes.unread("it begins behind a block of the user's") }
    try block.skip(8)
    let end = try block.number(8)
    guard end <= bytes.size else { throw bytes.fault("it is cut short: \(bytes.size) of \(end) bytes") }
    // Address of the driver's block, offset of the root's name.
    try block.skip(16)
    let root = try block.number(8)
    let messages = try Self.messages(bytes, at: root)
    guard var table = messages.first(where: { $0.type == 0x11 })?.fields else {
      throw bytes.unread("its groups are no symbol tables")
    }
    let (tree, heap) = (try table.number(8), try table.number(8))
    objects = try Self.members(bytes, tree: tree, names: Self.names(bytes, at: heap))
  }

  /// The data set of a name.
  /// - Throws: `UserError` where there is none, or it is in a form that is not read.
  func dataset(_ name: String) throws -> HDF5Dataset {
    guard let address = objects[name] else {
      throw bytes.fault("there is no data set \(name), but \(objects.keys.sorted().joined(separator: ", "))")
    }
    return try HDF5Dataset(name: name, messages: Self.messages(bytes, at: address), bytes: bytes)
  }

  /// A message of an object header.
  struct Message {
    let type: UInt64
    let fields: HDF5Fields
  }

  /// The messages of an object header, those of its continuations among them.
  private static func messages(_ bytes: HDF5Bytes, at address: UInt64) throws -> [Message] {
    var start = try bytes.read(16, at: address)
    let version = try start.number(1)
    guard version == 1 else { throw bytes.unread("an object header is of version \(version)") }
    try start.skip(1)
    let count = try start.count(2)
    try start.skip(4)
    var blocks = [(address + 16, try start.count(4))]
    var seen: Set<UInt64> = [address]
    var found: [Message] = []
    while let (place, length) = blocks.popLast(), found.count < count {
      guard length <= 1 << 20 else { throw bytes.fault("an object header of \(length) bytes") }
      var block = try bytes.read(length, at: place)
      while block.remaining >= 8, found.count < count {
        let (type, size) = (try block.number(2), try block.count(2))
        try block.skip(4)
        var fields = HDF5Fields(bytes: Array(try block.take(size)), file: bytes)
        found.append(Message(type: type, fields: fields))
        guard type == 0x10 else { continue }
        let (next, bytesThere) = (try fields.number(8), try fields.count(8))
        guard seen.insert(next).inserted else { throw bytes.fault("an object header goes in a circle") }
        blocks.append((next, bytesThere))
      }
    }
    return found
  }

  /// The texts of a local heap.
  private static func names(_ bytes: HDF5Bytes, at address: UInt64) throws -> HDF5Fields {
    var heap = try bytes.read(32, at: address)
    try heap.expect("HEAP")
    try heap.skip(4)
    let size = try heap.count(8)
    try heap.skip(8)
    let place = try heap.number(8)
    guard size <= 1 << 20 else { throw bytes.fault("a list of names of \(size) bytes") }
    return try bytes.read(size, at: place)
  }

  /// The members of a group: names with the addresses of their headers.
  private static func members(_ bytes: HDF5Bytes, tree: UInt64, names: HDF5Fields) throws -> [String: UInt64] {
    var found: [String: UInt64] = [:]
    try eachLeaf(bytes, tree: tree, type: 0, keyBytes: 8) { address, _ in
      var node = try bytes.read(8, at: address)
      try node.expect("SNOD")
      try node.skip(2)
      let count = try node.count(2)
      var entries = try bytes.read(40 * count, at: address + 8)
      for _ in 0..<count {
        let (name, object) = (try entries.count(8), try entries.number(8))
        try entries.skip(24)
        guard name < names.bytes.count else { throw bytes.fault("a name lies outside of its list") }
        found[String(decoding: names.bytes[name...].prefix { $0 != 0 }, as: UTF8.self)] = object
      }
    }
    return found
  }

  /// Visits what the lowest nodes of a B-tree (version 1) name, with the key before each.
  static func eachLeaf(
    _ bytes: HDF5Bytes, tree: UInt64, type: UInt64, keyBytes: Int, _ visit: (UInt64, inout HDF5Fields) throws -> Void
  ) throws {
    var waiting: [(address: UInt64, level: UInt64?)] = [(tree, nil)]
    var seen: Set<UInt64> = []
    while let (address, expected) = waiting.popLast() {
      guard seen.insert(address).inserted, seen.count <= mostNodes else {
        throw bytes.fault("an index goes in a circle")
      }
      var node = try bytes.read(24, at: address)
      try node.expect("TREE")
      guard try node.number(1) == type else { throw bytes.fault("an index is of another type") }
      let level = try node.number(1)
      guard expected == nil || level == expected else { throw bytes.fault("an index has a node at the wrong level") }
      let count = try node.count(2)
      var entries = try bytes.read(count * (keyBytes + 8), at: address + 24)
      for _ in 0..<count {
        var key = HDF5Fields(bytes: Array(try entries.take(keyBytes)), file: bytes)
        let child = try entries.number(8)
        if level == 0 { try visit(child, &key) } else { waiting.append((child, level - 1)) }
      }
    }
  }
}
