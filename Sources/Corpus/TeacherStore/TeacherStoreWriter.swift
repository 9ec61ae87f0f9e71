import Foundation
import Tensors

/// Writes a teacher store so that a stop at any instant loses at most the sample in hand.
///
/// Each sample's tensors first become a file of their own in `unfinished/`; when a part's samples are all there, one rank
/// copies them into the part, notes its size and SHA-256, and removes them. Every file is written beside its place,
/// synced and renamed, so one that is there is whole. `index.json` comes last. Nothing depends on who wrote what.
public struct TeacherStoreWriter: Sendable {
  public let folder: URL
  /// The index without files.
  public let plan: TeacherStoreIndex
  /// Where what is not finished lies until the end.
  public var work: URL { folder.appendingPathComponent(TeacherStore.workName) }
  private var planFile: URL { work.appendingPathComponent("plan.json") }
  private var indexFile: URL { folder.appendingPathComponent(TeacherStore.indexName) }

  public init(_ folder: URL, plan: TeacherStoreIndex) {
    self.folder = folder
    self.plan = plan
  }

  /// By one rank, before all else: makes the folder, or goes on with what an earlier start left.
  /// - Parameter lock: called when `work` is there, before anything is written.
  /// - Throws: `UserError` (usage) for a file in its place, a folder with other contents, or a store by another plan,
  ///   naming the differences;
  ///   (bad input) for parts without a sound index or plan to tell what they are.
  public func begin(lock: () throws -> Void = {}) throws {
    try Self.refuseFile(at: folder)
    try writing {
      let manager = FileManager.default
      try manager.createDirectory(at: folder, withIntermediateDirectories: true)
      let present = try manager.contentsOfDirectory(atPath: folder.path)
      if let file = [indexFile, planFile].first(where: { manager.fileExists(atPath: $0.path) }) {
        var earlier = try TeacherStoreIndex(contentsOf: file, store: folder)
        let files = earlier.parts + (earlier.head.map { [$0] } ?? [])
        (earlier.parts, earlier.head) = ([], nil)
        // A teacher under another name is the same one.
        earlier.teacher.name = plan.teacher.name
        guard earlier == plan else { throw otherStore(plan.differences(from: earlier)) }
        try manager.createDirectory(at: work, withIntermediateDirectories: true)
        try lock()
        for file in files { try note(file) }
      } else {
        guard present.isEmpty || present == [work.lastPathComponent] && isBare(work) else {
          if present.contains(where: Self.isPart) { throw partsAlone }
          throw UserError(
            .usage, "\(folder.path) is neither empty nor a teacher store", remedy: "name another folder: teacher.store")
        }
        try manager.createDirectory(at: work, withIntermediateDirectories: true)
        try lock()
      }
      try DurableFile.replace(planFile) { try plan.json().write(to: $0) }
    }
  }

  /// - Throws: `UserError` (usage) where a store is to be written in the place of a file.
  public static func refuseFile(at folder: URL) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), !isFolder.boolValue else {
      return
    }
    throw UserError(
      .usage, "teacher.store is \(folder.path), which is a file; a store is a folder",
      remedy: "name a folder, new or empty or of a store: --set teacher.store=PATH")
  }

  private static func isPart(_ name: String) -> Bool {
    name == TeacherStoreIndex.headName || name.hasPrefix("part-") && name.hasSuffix(".safetensors")
  }

  private var partsAlone: UserError {
    UserError(
      .badInput, "\(folder.path) holds files of a teacher store, but no \(TeacherStore.indexName)",
      remedy: TeacherStoreIndex.lost(indexFile, of: folder))
  }

  private func otherStore(_ differences: [String]) -> UserError {
    UserError(
      .usage, "\(folder.path) holds another teacher store:\n  " + differences.joined(separator: "\n  "),
      remedy: "name another folder (teacher.store), remove this one, or use its settings")
  }

  /// Whether an earlier start finished a file of the store that still agrees with its checksum.
  /// - Complexity: reads the file.
  public func isFinished(_ name: String) -> Bool {
    let url = folder.appendingPathComponent(name)
    guard let note = try? readNote(name), (try? Self.size(url)) == note.bytes else { return false }
    return (try? Digest.sha256(fileAt: url)) == note.sha256
  }

  /// Whether a sample's own file is there.
  public func hasSample(_ position: Int) -> Bool { (try? SafetensorsFile(contentsOf: sampleFile(position))) != nil }

  public func write(_ tensors: SafetensorsWriter, sample position: Int) throws {
    try writing { try DurableFile.replace(sampleFile(position)) { try tensors.write(to: $0) } }
  }

  /// Makes a part of its samples' files and removes those.
  public func assemble(part: Int) throws {
    let range = plan.samples(ofPart: part)
    let files = try range.map { try SafetensorsFile(contentsOf: sampleFile($0)) }
    var writer = SafetensorsWriter(metadata: ["format": "evl-dist teacher store \(TeacherStoreIndex.newest)"])
    // Bytes last, so that everything else lies at multiples of its size.
    for type in [plan.elementType, "I64", "U8"] {
      for file in files {
        for name in file.names where file.entries[name]?.type == type { try writer.add(name, of: file) }
      }
    }
    try publish(writer, as: TeacherStoreIndex.partName(part))
    for position in range { try? FileManager.default.removeItem(at: sampleFile(position)) }
  }

  /// Writes a file of the store and notes its checksum.
  public func publish(_ tensors: SafetensorsWriter, as name: String) throws {
    try writing {
      let url = folder.appendingPathComponent(name)
      var digest = ""
      try DurableFile.replace(url) {
        try tensors.write(to: $0)
        digest = try Digest.sha256(fileAt: $0)
      }
      try note(TeacherStoreIndex.File(name: name, bytes: try Self.size(url), sha256: digest))
    }
  }

  /// Whether a start got no further than its lock.
  private func isBare(_ work: URL) -> Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: work.path)) ?? ["?"]
    return names.allSatisfy { $0.hasPrefix("lock.") }
  }

  /// By one rank, when all parts and the head are finished: the index, which makes them a store.
  /// - Parameter unlock: called when the index is there, before `work` is removed.
  public func finish(unlock: () -> Void = {}) throws {
    var index = plan
    index.parts = try (0..<plan.partCount).map { try readNote(TeacherStoreIndex.partName($0)) }
    index.head = try readNote(TeacherStoreIndex.headName)
    try writing {
      try DurableFile.replace(indexFile) { try index.json().write(to: $0) }
      unlock()
      try FileManager.default.removeItem(at: work)
    }
  }

  /// Bytes in the folder already.
  public func bytesPresent() -> Int {
    let paths = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return paths.reduce(0) { $0 + ((try? Self.size(folder.appendingPathComponent($1))) ?? 0) }
  }

  private func sampleFile(_ position: Int) -> URL {
    work.appendingPathComponent("sample-" + String(format: "%09d", position) + ".safetensors")
  }

  private func noteFile(_ name: String) -> URL { work.appendingPathComponent(name + ".json") }

  private func note(_ file: TeacherStoreIndex.File) throws {
    try DurableFile.replace(noteFile(file.name)) { try JSONEncoder().encode(file).write(to: $0) }
  }

  private func readNote(_ name: String) throws -> TeacherStoreIndex.File {
    do {
      return try JSONDecoder().decode(TeacherStoreIndex.File.self, from: Data(contentsOf: noteFile(name)))
    } catch {
      throw UserError(.internalFault, "\(name) of \(folder.path) was never finished")
    }
  }

  private static func size(_ url: URL) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int ?? 0
  }

  private func writing(_ body: () throws -> Void) throws {
    do { try body() } catch let error as UserError { throw error } catch {
      throw UserError(
        .inputOutput, "the teacher store \(folder.path) cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions, then run the same command again: it goes on where it stopped")
    }
  }
}
