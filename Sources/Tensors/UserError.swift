/// An error a user can cause and mend: what happened, where, and what to do about it.
///
/// It ends the program with the exit code of its kind; the message is printed once per job.
public struct UserError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The kind of error; the raw value is the process's exit code (sysexits.h where a code exists there).
  public enum Kind: Int32, Sendable {
    /// Usage or configuration.
    case usage = 64
    /// What was read is damaged, incomplete or of another form than expected.
    case badInput = 65
    /// A needed component (library, device, resource) is missing.
    case unavailable = 69
    /// An invariant of the program itself does not hold.
    case internalFault = 70
    /// A path that was named leads nowhere, or the operating system refused to read or write.
    case inputOutput = 74
    /// Stopped by request; the state is saved and the same command continues.
    case stopped = 75
    /// A rank is late or lost.
    case rankLost = 76
  }

  public let kind: Kind
  /// What happened and where (file, key, tensor, rank).
  public let message: String
  /// What the user can do; empty where nothing can be said.
  public let remedy: String

  public init(_ kind: Kind, _ message: String, remedy: String = "") {
    self.kind = kind
    self.message = message
    self.remedy = remedy
  }

  /// What happened, without what to do; of an error of another type its description.
  public static func message(of error: any Error) -> String { (error as? UserError)?.message ?? "\(error)" }

  /// The first few of many names.
  public static func some(_ names: [String], separator: String = ", ") -> String {
    (names.prefix(5) + (names.count > 5 ? ["..."] : [])).joined(separator: separator)
  }

  public var exitCode: Int32 { kind.rawValue }

  public var description: String { remedy.isEmpty ? message : "\(message)\n  to do: \(remedy)" }
}
