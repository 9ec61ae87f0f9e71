import CMessagePassing
import Tensors

/// How ranks of a node share memory.
public enum MemorySharing: String, Sendable, CaseIterable {
  /// Anonymous shared memory, else a file in /dev/shm, else none.
  case auto
  /// A file in /dev/shm, else none.
  case named
  /// None: every rank has a copy of its own.
  case `private`
}

/// Zeroed memory that the ranks of a node have in common, or that is one rank's own.
///
/// It has no name once it is mapped, so nothing is left of it when a process ends, however it ends.
public final class SharedMemory: @unchecked Sendable {
  public enum Kind: Sendable {
    case anonymous, named, `private`
  }

  public let kind: Kind
  public let bytes: Int
  let base: UnsafeMutableRawPointer
  private let window: OpaquePointer

  private init(_ window: OpaquePointer, bytes: Int, kind: Kind) throws {
    guard let memory = mp_window_memory(window) else { throw Self.refusal(bytes: bytes) }
    self.window = window
    self.bytes = bytes
    self.kind = kind
    base = memory
  }

  deinit { mp_window_close(window) }

  /// Memory of this process, whose threads may share it.
  ///
  /// - Throws: `UserError(.unavailable)` where the system has not so much.
  convenience init(alone bytes: Int, kind: Kind = .private) throws {
    var window: OpaquePointer?
    let code = mp_window_open_alone(max(1, bytes), &window)
    guard code == 0, let window else { throw Self.refusal(bytes: bytes) }
    try self.init(window, bytes: bytes, kind: kind)
  }

  /// Collective over the node of an MPI communicator.
  convenience init(_ communicator: OpaquePointer, bytes: Int, sharing: MemorySharing) throws {
    let first =
      switch sharing {
      case .auto: MP_WINDOW_ANONYMOUS
      case .named: MP_WINDOW_NAMED
      case .private: MP_WINDOW_PRIVATE
      }
    var window: OpaquePointer?
    let code = mp_window_open(communicator, max(1, bytes), first, &window)
    guard code == 0, let window else { throw Self.refusal(bytes: bytes) }
    let kind: Kind =
      switch mp_window_get_kind(window) {
      case MP_WINDOW_ANONYMOUS: .anonymous
      case MP_WINDOW_NAMED: .named
      default: .private
      }
    try self.init(window, bytes: bytes, kind: kind)
  }

  /// Bytes that a file in /dev/shm could have now; 0 where there is none.
  public static var roomInDevShm: Int { Int(clamping: mp_shared_memory_room()) }

  private static func refusal(bytes: Int) -> UserError {
    UserError(
      .unavailable, "the system does not give \(bytes) bytes of memory",
      remedy: "use a smaller model or more nodes; evl-dist train --dry-run tells what a run needs")
  }
}

/// A number in shared memory that one rank raises and others wait for; what was written before is seen with it.
///
/// It has a cache line to itself. The memory outlives it.
struct SharedCounter {
  /// Bytes from one counter to the next: two lines, which processors fetch together.
  static let stride = 128
  private let number: UnsafeMutablePointer<UInt64>

  init(_ memory: SharedMemory, at offset: Int) {
    number = (memory.base + offset).assumingMemoryBound(to: UInt64.self)
  }

  var value: UInt64 {
    get { mp_load(number) }
    nonmutating set { mp_store(number, newValue) }
  }
}
