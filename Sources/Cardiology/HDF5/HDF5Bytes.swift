import Foundation
import Synchronization
import Tensors

/// A file's bytes at any place, each read checked against its length. Safe to call from several threads.
final class HDF5Bytes: Sendable {
  let name: String
  let size: UInt64
  private let handle: Mutex<FileHandle>

  /// - Throws: `UserError` (input/output) where the file is not there or cannot be read.
  init(_ url: URL) throws {
    name = url.path
    do {
      let opened = try FileHandle(forReadingFrom: url)
      size = try opened.seekToEnd()
      handle = Mutex(opened)
    } catch {
      throw UserError(
        .inputOutput, "\(url.path): cannot be read: \(error.localizedDescription)", remedy: "check path and permissions"
      )
    }
  }

  deinit { handle.withLock { try? $0.close() } }

  /// - Throws: `UserError` (bad input) where the file ends before.
  func read(_ count: Int, at place: UInt64) throws -> HDF5Fields {
    let (end, overflow) = place.addingReportingOverflow(UInt64(count))
    guard !overflow, end <= size else { throw fault("it is cut short: \(count) bytes at \(place) of \(size)") }
    let bytes: [UInt8]
    do {
      bytes = try handle.withLock { handle in
        try handle.seek(toOffset: place)
        return [UInt8](try handle.read(upToCount: count) ?? Data())
      }
    } catch {
      throw UserError(
        .inputOutput, "\(name): cannot be read: \(error.localizedDescription)", remedy: "check the disk")
    }
    guard bytes.count == count else { throw fault("it has become shorter while it was read") }
    return HDF5Fields(bytes: bytes, file: self)
  }

  /// An error about what the file holds.
  func fault(_ what: String) -> UserError {
    UserError(
      .badInput, "\(name): \(what)", remedy: "fetch the file again; it is damaged, cut short or of another kind")
  }

  /// An error about a form of HDF5 that is not read.
  func unread(_ what: String) -> UserError {
    UserError(
      .badInput, "\(name): \(what), which is not read here",
      remedy:
        "write it again with h5py's own settings: data sets contiguous or in chunks, with or without gzip and shuffle")
  }
}

/// Numbers read one behind the other, little-endian.
struct HDF5Fields: Sendable {
  let bytes: [UInt8]
  private let file: HDF5Bytes
  private(set) var place = 0

  init(bytes: [UInt8], file: HDF5Bytes) {
    self.bytes = bytes
    self.file = file
  }

  var remaining: Int { bytes.count - place }

  mutating func skip(_ count: Int) throws { _ = try take(count) }

  mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else { throw file.fault("a structure of HDF5 ends early") }
    defer { place += count }
    return bytes[place..<place + count]
  }

  /// A number of so many bytes, at most 8.
  mutating func number(_ width: Int) throws -> UInt64 {
    try take(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A number that counts something, refused where no memory could hold so many.
  mutating func count(_ width: Int) throws -> Int {
    let value = try number(width)
    guard value < 1 << 40 else { throw file.fault("a structure of HDF5 counts \(value)") }
    return Int(value)
  }

  /// Refuses bytes that do not begin with a mark.
  mutating func expect(_ mark: String) throws {
    guard try take(mark.utf8.count).elementsEqual(mark.utf8) else {
      throw file.fault("a structure of HDF5 does not begin with \(mark)")
    }
  }
}
