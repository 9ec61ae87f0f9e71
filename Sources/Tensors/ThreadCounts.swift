import COneDNN
import COpenBLAS
import Synchronization

/// How many threads each part of the program gives one product or loop of the calling thread, read back from it.
public struct ThreadCounts: Codable, Sendable, Equatable {
  public var openBLAS: Int
  /// Of the OpenMP team that oneDNN forms.
  public var oneDNN: Int
  /// Of the loops of this program that are shared by threads.
  public var loops: Int

  public init(openBLAS: Int, oneDNN: Int, loops: Int) {
    self.openBLAS = openBLAS
    self.oneDNN = oneDNN
    self.loops = loops
  }

  /// What is in force now.
  ///
  /// OpenMP is not asked but made to form a team, for limits of its own (OMP_THREAD_LIMIT, OMP_DYNAMIC) act only then.
  public static var current: ThreadCounts {
    ThreadCounts(
      openBLAS: openblas_get_parallel() == 0 ? 1 : ProductLibrary.threads, oneDNN: openMPTeam(),
      loops: MixedProducts<Float>(.f32, pool: BufferPool()).loopThreads)
  }

  /// Sets the number everywhere and reads it back.
  ///
  /// - Throws: `UserError(.unavailable)` where a library does not take it.
  public static func state(_ threads: Int) throws {
    ProductLibrary.setThreads(threads)
    if let problem = current.problem(wanted: threads) { throw problem }
  }

  /// What is wrong where a number differs from the wanted one.
  public func problem(wanted: Int) -> UserError? {
    let counts = [("OpenBLAS", openBLAS), ("oneDNN's OpenMP", oneDNN), ("the program's own loops", loops)]
    let wrong = counts.filter { $0.1 != wanted }
    guard !wrong.isEmpty else { return nil }
    return UserError(
      .unavailable,
      "train.threads is \(wanted), but " + wrong.map { "\($0.0) would use \($0.1)" }.joined(separator: " and "),
      remedy: "unset OMP_THREAD_LIMIT and OMP_DYNAMIC, or set train.threads to what each of them can do")
  }

  private static func openMPTeam() -> Int {
    switch Int32(dnnl_version().pointee.cpu_runtime) {
    case Int32(DNNL_RUNTIME_SEQ): return 1
    case Int32(DNNL_RUNTIME_OMP): break
    // Another runtime takes no number from us.
    default: return 0
    }
    ProductLibrary.tellOpenMP()
    // The team has ended when the call returns.
    let members = MemberCount()
    GOMP_parallel(
      { members in
        guard let members else { return }
        Unmanaged<MemberCount>.fromOpaque(members).takeUnretainedValue().count.add(1, ordering: .releasing)
      }, Unmanaged.passUnretained(members).toOpaque(), 0, 0)
    return members.count.load(ordering: .acquiring)
  }
}

private final class MemberCount: Sendable {
  let count = Atomic(0)
}
