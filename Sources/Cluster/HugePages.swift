import Foundation

/// What the kernel does about large memory pages: with 2 MB a page, a processor finds large arrays with fewer look-ups.
public struct HugePages: Codable, Sendable, Equatable {
  /// Of ordinary memory: `always`, `madvise` (memory that asks for it) or `never`; nil where the kernel has none.
  public var transparent: String?
  /// Of anonymous shared memory; `force` and `deny` rule over files in /dev/shm too.
  public var sharedMemory: String?
  /// The option `huge=` with which /dev/shm is mounted; `never` where none is named; nil where /dev/shm is not mounted.
  public var sharedFolder: String?
  /// Pages set aside by the administrator, in all and free, and bytes of one.
  public var reserved: Int
  public var free: Int
  public var pageBytes: Int

  public init(
    transparent: String?, sharedMemory: String?, sharedFolder: String?, reserved: Int = 0, free: Int = 0,
    pageBytes: Int = 2 << 20
  ) {
    self.transparent = transparent
    self.sharedMemory = sharedMemory
    self.sharedFolder = sharedFolder
    self.reserved = reserved
    self.free = free
    self.pageBytes = pageBytes
  }

  /// Those of this host. - Parameter root: "/", or a folder that stands in for it.
  public static func current(root: URL = URL(fileURLWithPath: "/")) -> HugePages {
    let files = SystemFiles(root: root)
    func count(_ name: String) -> Int {
      files.field(name, of: "proc/meminfo")?.split(separator: " ").first.flatMap { Int($0) } ?? 0
    }
    return HugePages(
      transparent: files.text("sys/kernel/mm/transparent_hugepage/enabled").flatMap(chosen),
      sharedMemory: files.text("sys/kernel/mm/transparent_hugepage/shmem_enabled").flatMap(chosen),
      sharedFolder: files.text("proc/self/mounts").flatMap(option), reserved: count("HugePages_Total"),
      free: count("HugePages_Free"), pageBytes: 1024 * count("Hugepagesize"))
  }

  /// The word in brackets: "always [madvise] never".
  static func chosen(_ text: String) -> String? {
    text.split(separator: " ").first { $0.hasPrefix("[") && $0.hasSuffix("]") && $0.count > 2 }
      .map { String($0.dropFirst().dropLast()) }
  }

  /// How the last mount on /dev/shm, which hides those before it, treats huge pages.
  static func option(ofMounts text: String) -> String? {
    let mount = text.split(whereSeparator: \.isNewline).map { $0.split(separator: " ") }
      .last { $0.count > 3 && $0[1] == "/dev/shm" }
    return mount.map { fields in
      fields[3].split(separator: ",").first { $0.hasPrefix("huge=") }.map { String($0.dropFirst(5)) } ?? "never"
    }
  }

  /// Whether anonymous memory that ranks of a node share, which asks for them, may lie in huge pages.
  public var reachSharedMemory: Bool {
    sharedMemory.map { ["always", "within_size", "advise", "force"].contains($0) } ?? false
  }

  /// Whether files in /dev/shm, which take its place where it is refused, may.
  public var reachSharedFolder: Bool {
    switch sharedMemory {
    case nil, "deny": false
    case "force": true
    default: ["always", "within_size", "advise"].contains(sharedFolder)
    }
  }

  /// What that means for a run: one sentence each.
  public var meaning: [String] {
    guard let transparent else { return ["the kernel has no transparent huge pages: all memory lies in small ones"] }
    let own =
      switch transparent {
      case "always": "a rank's own memory lies in huge pages"
      case "madvise": "a rank's own memory lies in small pages unless its program asks for huge ones"
      default: "a rank's own memory lies in small pages"
      }
    let shared =
      reachSharedMemory
      ? "memory shared by a node's ranks asks for huge pages and may have them"
      : "memory shared by a node's ranks lies in small pages; as root, `echo advise > "
        + "/sys/kernel/mm/transparent_hugepage/shmem_enabled` would allow huge ones"
    let named =
      reachSharedMemory != reachSharedFolder
      ? ["files in /dev/shm (train.shared_memory: named) \(reachSharedFolder ? "may" : "do not") lie in huge pages"]
      : []
    let idle =
      free > 0
      ? [
        "\(free) reserved huge pages (\(free * pageBytes >> 20) MB) are kept free for programs that ask, which is not us"
      ]
      : []
    return [own, shared] + named + idle
  }
}
