import Foundation
import Tensors

/// Runs that the ranks of one job take one by one, each the first that nobody has taken.
///
/// A run is taken by making a folder, which every file system does for one maker alone. What an earlier job took and did not
/// finish is free again.
struct RunQueue {
  private let folder: URL

  /// - Parameter folder: where the claims are; of this job alone.
  init(_ folder: URL) { self.folder = folder }

  /// Forgets all claims; before any rank of the job takes a run.
  func open() throws {
    do {
      if FileManager.default.fileExists(atPath: folder.path) { try FileManager.default.removeItem(at: folder) }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch { throw failure(error) }
  }

  /// Whether the run is this rank's. - Throws: `UserError` where the queue cannot be written, or is not there.
  func take(_ number: Int) throws -> Bool {
    do {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("\(number)"), withIntermediateDirectories: false)
      return true
    } catch let error as CocoaError where error.code == .fileWriteFileExists { return false } catch let error
      as CocoaError where error.code == .fileNoSuchFile
    {
      throw UserError(
        .inputOutput, "\(folder.path), which rank 0 has made, is not there for this rank",
        remedy: "put run.folder on a file system that all hosts share")
    } catch {
      throw failure(error)
    }
  }

  /// Tells the other ranks to take no further run. - Throws: as `take`.
  func close() throws {
    do {
      try FileManager.default.createDirectory(at: end, withIntermediateDirectories: true)
    } catch { throw failure(error) }
  }

  /// Whether a rank was asked to stop.
  var isClosed: Bool { FileManager.default.fileExists(atPath: end.path) }

  private var end: URL { folder.appendingPathComponent("closed") }

  private func failure(_ error: any Error) -> UserError {
    UserError(
      .inputOutput, "\(folder.path) cannot be written: \(error.localizedDescription)",
      remedy: "make room or mend permissions, then run the same command again")
  }
}
