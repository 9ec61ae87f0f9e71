import CMessagePassing
import Foundation

/// What jobs that were killed left on this host: segments of shared memory, which take memory until they are removed, and
/// session folders of Open MPI.
///
/// Only what belongs to this user and is dead for certain goes: no process of any container has a segment open (the
/// kernel is asked for a lease, which it grants to an only opener), or any file of a folder. Where the kernel cannot
/// tell, everything stays.
public struct Leftovers: Sendable, Equatable {
  /// Names of the segments that were removed.
  public private(set) var segments: [String] = []
  public private(set) var bytes = 0
  /// Session folders that were removed.
  public private(set) var folders: [String] = []

  /// Where to look; a folder that stands in for it in tests.
  struct Places {
    var sharedMemory = URL(fileURLWithPath: "/dev/shm")
    var temporary = FileManager.default.temporaryDirectory
    var host = Peers.hostName()
    /// Seconds since the last change of a folder, before which its job may be about to start.
    var age = 60.0
  }

  /// Removes them, on the first rank of the host alone. To be called before MPI starts and makes its own.
  ///
  /// - Complexity: O(entries of /dev/shm) and those of the session folders.
  public static func remove(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> Leftovers {
    let ranks = [Launcher(environment: environment).localRank, environment["SLURM_LOCALID"].flatMap(Int.init)]
    return ranks.allSatisfy { $0 ?? 0 == 0 } ? remove(in: Places()) : Leftovers()
  }

  static func remove(in places: Places) -> Leftovers {
    var result = Leftovers()
    for name in names(in: places.sharedMemory) where prefixes.contains(where: name.hasPrefix) {
      let file = places.sharedMemory.appendingPathComponent(name)
      guard let about = own(file, S_IFREG), mp_may_be_in_use(file.path) == false, unlink(file.path) == 0 else {
        continue
      }
      result.segments.append(name)
      result.bytes += Int(about.st_blocks) * 512
    }
    // Open MPI may drop the domain of the name.
    let hosts = Set([places.host, String(places.host.prefix { $0 != "." })])
    for host in hosts.sorted() {
      let sessions = places.temporary.appendingPathComponent("ompi.\(host).\(geteuid())")
      guard own(sessions, S_IFDIR) != nil else { continue }
      for name in names(in: sessions) where isDead(sessions.appendingPathComponent(name), age: places.age) {
        let folder = sessions.appendingPathComponent(name)
        if (try? FileManager.default.removeItem(at: folder)) != nil { result.folders.append(folder.path) }
      }
    }
    return result
  }

  /// What is said of it; nil where nothing was found.
  public var note: String? {
    guard !segments.isEmpty || !folders.isEmpty else { return nil }
    return "removed what killed jobs had left: \(segments.count) segments of shared memory "
      + "(\(String(format: "%.1f", Double(bytes) / 1e6)) MB), \(folders.count) session folders of Open MPI"
  }

  /// Of Open MPI 4 and 5, and of this program.
  private static let prefixes = ["vader_segment.", "sm_segment.", "evl-dist-"]

  /// Whether a session folder holds files, none of which anybody has open: a live mpirun keeps some mapped.
  private static func isDead(_ folder: URL, age: Double) -> Bool {
    guard let about = own(folder, S_IFDIR), Double(time(nil) - about.st_mtim.tv_sec) >= age,
      let paths = FileManager.default.enumerator(atPath: folder.path)
    else { return false }
    let files = paths.compactMap { ($0 as? String).map(folder.appendingPathComponent) }
      .filter { kind($0) == S_IFREG }
    return !files.isEmpty && files.allSatisfy { own($0, S_IFREG) != nil && !mp_may_be_in_use($0.path) }
  }

  /// What the system tells of a file of that kind, if it belongs to this user; links are not followed.
  private static func own(_ file: URL, _ kind: mode_t) -> stat? {
    var about = stat()
    guard lstat(file.path, &about) == 0, about.st_uid == geteuid(), about.st_mode & S_IFMT == kind else { return nil }
    return about
  }

  private static func kind(_ file: URL) -> mode_t? {
    var about = stat()
    return lstat(file.path, &about) == 0 ? about.st_mode & S_IFMT : nil
  }

  private static func names(in folder: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }
}
