import Foundation

/// The control groups of this process, in which a container's limits lie.
struct ControlGroups {
  /// Folders of version 2, the process's own and all above it: a parent's limit holds for its children.
  var unified: [URL] = []
  /// Folders of the controller in version 1, likewise.
  var separate: [URL] = []

  /// - Parameters:
  ///   - controller: "cpu" or "memory".
  ///   - root: "/", or a folder that stands in for it.
  init(_ controller: String, root: URL) {
    for line in SystemFiles(root: root).text("proc/self/cgroup")?.split(whereSeparator: \.isNewline) ?? [] {
      // hierarchy:controllers:path; version 2 has hierarchy 0 and no controllers.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3 else { continue }
      if fields[0] == "0", fields[1].isEmpty {
        unified += Self.ancestors(of: fields[2], below: root.appendingPathComponent("sys/fs/cgroup"))
      } else if fields[1].split(separator: ",").contains(Substring(controller)) {
        separate += Self.ancestors(of: fields[2], below: root.appendingPathComponent("sys/fs/cgroup/\(controller)"))
      }
    }
  }

  /// The group's folder and all above it. In a container the path may not exist.
  private static func ancestors(of path: String, below mount: URL) -> [URL] {
    var folders = [mount]
    for part in path.split(separator: "/") where part != ".." {
      folders.append((folders.last ?? mount).appendingPathComponent(String(part)))
    }
    return folders
  }
}
