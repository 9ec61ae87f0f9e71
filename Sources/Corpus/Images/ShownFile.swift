import Foundation

/// What a path that is to show an ECG names.
public enum ShownFile: Sendable, Equatable {
  case picture(URL)
  /// A WFDB record, without ending.
  case record(URL)

  /// Nil where nothing is there. A header tells a record, with whatever ending it is named; any other file is taken for a
  /// picture.
  public init?(_ url: URL) {
    let bare = ["hea", "dat", "mat"].contains(url.pathExtension) ? url.deletingPathExtension() : url
    if FileManager.default.fileExists(atPath: bare.path + ".hea") {
      self = .record(bare)
    } else if FileManager.default.fileExists(atPath: url.path) {
      self = .picture(url)
    } else {
      return nil
    }
  }
}
