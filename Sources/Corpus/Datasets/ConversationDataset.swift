import Cardiology
import Foundation
import Tensors

/// Conversations about images, read from LLaVA-style JSON; their images are read on demand.
///
/// Image paths are relative to a root folder. A path may name a PNG or JPEG file, or a WFDB record (with or without
/// .hea), which is drawn on a page of ECG paper. Entries without an image are text alone.
public struct ConversationDataset: Sendable {
  /// What is done with entries whose image is not there.
  public enum MissingImages: String, Sendable, CaseIterable {
    /// The data set is refused, naming the first.
    case refused = "refuse"
    /// The entry is left out; `remarks` says how many were.
    case skipped = "skip"
  }

  public let name: String
  public let conversations: [Conversation]
  /// A name of each conversation that no other has: its id, with "#2", "#3" and so on where an earlier one has the same.
  public let keys: [String]
  /// What a user should know about what was read, a line each.
  public let remarks: [String]
  private let root: URL
  private let page: ECGPage

  /// - Parameters:
  ///   - path: a file of conversations (.json, .jsonl), or a folder, of which all such files are read by name.
  ///   - root: folder that image paths begin at; nil takes the folder of the file.
  ///   - page: the paper that records are drawn on.
  /// - Throws: `UserError` naming file, entry and key, or the image that is missing.
  public init(
    path: URL, root: URL? = nil, missingImages: MissingImages = .refused, page: ECGPage = ECGPage()
  ) throws {
    let (files, folder) = try Self.files(path)
    let root = root ?? folder
    self.root = root
    self.page = page
    name = path.deletingPathExtension().lastPathComponent
    var kept: [Conversation] = []
    var missing = 0
    for conversation in try files.flatMap(ConversationFile.conversations) {
      if let path = conversation.images.first(where: { Self.source(of: $0, root: root) == nil }) {
        guard missingImages == .skipped else {
          throw UserError(
            .badInput, "\(conversation.place), image: \(root.appendingPathComponent(path).path) is not there",
            remedy:
              "set the folder that image paths begin at (data.images), or leave such entries out (data.missing_images=skip)"
          )
        }
        missing += 1
      } else {
        kept.append(conversation)
      }
    }
    guard !kept.isEmpty else {
      throw UserError(
        .badInput, "\(path.path): none of the \(missing) conversations has its image below \(root.path)",
        remedy: "set the folder that image paths begin at (data.images)")
    }
    conversations = kept
    keys = Self.keys(of: kept.map(\.id))
    let textAlone = kept.count { $0.images.isEmpty }
    remarks = [
      missing > 0 ? "\(name): \(missing) conversations are left out, their image is not below \(root.path)" : nil,
      textAlone > 0 ? "\(name): \(textAlone) of \(kept.count) conversations are text alone" : nil,
    ].compactMap { $0 }
  }

  /// Distinct names for ids that may repeat or be empty. - Complexity: O(ids).
  public static func keys(of ids: [String]) -> [String] {
    var taken = Set(ids)
    var seen: [String: Int] = [:]
    return ids.map { id in
      var count = (seen[id] ?? 0) + 1
      var key = id
      if count > 1 || id.isEmpty {
        repeat {
          key = "\(id)#\(count)"
          count += 1
        } while !taken.insert(key).inserted
        count -= 1
      }
      seen[id] = count
      return key
    }
  }

  /// The pictures of a conversation in order.
  /// - Throws: `UserError` naming the entry and the file at fault.
  public func images(of conversation: Conversation) throws -> [RasterImage] {
    try each(of: conversation, picture: ImageFile.read) { try page.image(of: WFDBReader.read($0)) }
  }

  /// Width and height of the pictures of a conversation, which no pixel is decoded for.
  /// - Throws: `UserError` naming the entry and the file at fault.
  public func imageSizes(of conversation: Conversation) throws -> [PixelSize] {
    try each(of: conversation, picture: ImageFile.size) { _ in page.size }
  }

  private func each<Found>(
    of conversation: Conversation, picture: (URL) throws -> Found, record: (URL) throws -> Found
  ) throws -> [Found] {
    try conversation.images.map { path in
      do {
        switch Self.source(of: path, root: root) {
        case .picture(let file): return try picture(file)
        case .record(let file): return try record(file)
        case nil: throw UserError(.inputOutput, "\(path): no such image", remedy: "check the path")
        }
      } catch let error as UserError {
        throw UserError(error.kind, "\(conversation.place), image: \(error.message)", remedy: error.remedy)
      }
    }
  }

  /// SHA-256 (hex) over what is asked, answered and shown by path, whatever the file is called.
  public var fingerprint: String {
    var text = ""
    for conversation in conversations {
      text += "\n\(conversation.id)\t\(conversation.images.joined(separator: "\t"))"
      for turn in conversation.turns { text += "\n\t\(turn.role.rawValue)\t\(turn.images)\t\(turn.text)" }
    }
    return Digest.sha256(Data(text.utf8))
  }

  /// What a path names; nil where nothing is there.
  public static func source(of path: String, root: URL) -> ShownFile? {
    ShownFile(path.hasPrefix("/") ? URL(fileURLWithPath: path) : root.appendingPathComponent(path))
  }

  private static func files(_ path: URL) throws -> (files: [URL], folder: URL) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path.path, isDirectory: &isFolder) else {
      throw UserError(
        .inputOutput, "\(path.path): no such file or folder of conversations", remedy: "check data.path")
    }
    guard isFolder.boolValue else { return ([path], path.deletingLastPathComponent()) }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path.path)) ?? []
    let files = names.filter { $0.hasSuffix(".json") || $0.hasSuffix(".jsonl") }.sorted()
    guard !files.isEmpty else {
      throw UserError(
        .badInput, "\(path.path): there is no .json or .jsonl file in this folder",
        remedy: "set data.path to a file of conversations or its folder")
    }
    return (files.map { path.appendingPathComponent($0) }, path)
  }
}
