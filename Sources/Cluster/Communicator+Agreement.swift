import Foundation
import Tensors

/// An error that all ranks throw at the same point of the program, so the job can end in order.
///
/// Thrown directly where all ranks know the reason already, such as a stop they have agreed on.
public struct AgreedError: Error, CustomStringConvertible, Equatable {
  public let error: UserError

  public init(_ error: UserError) { self.error = error }

  public var description: String { error.description }
}

extension UserError {
  /// This error, or any other one as an internal fault.
  public static func from(_ error: any Error) -> UserError {
    switch error {
    case let user as UserError: user
    case let agreed as AgreedError: agreed.error
    default: UserError(.internalFault, "unexpected error: \(error)")
    }
  }

  func prefixed(_ prefix: String) -> UserError { UserError(kind, prefix + message, remedy: remedy) }
}

extension Communicator {
  /// Collective: runs the body on every rank; if it throws on any, every rank throws the error of the lowest one.
  ///
  /// The body may not contain collectives that a throwing rank would leave out.
  /// - Throws: `AgreedError`, the same on all ranks, naming the rank unless all of them failed.
  public func agree<T>(_ body: () throws -> T) throws -> T {
    let outcome = Result { try body() }
    var failure: UserError?
    if case .failure(let error) = outcome { failure = UserError.from(error) }
    if let agreed = try agreedFailure(failure) { throw AgreedError(agreed) }
    return try outcome.get()
  }

  /// Collective: the error of the lowest rank that has one, or nil. Can share a moment with a step's statistics.
  public func agreedFailure(_ failure: UserError?) throws -> UserError? {
    var lowest = [Int64(failure == nil ? size : rank)]
    try reduce(&lowest, by: .minimum)
    guard lowest[0] < size else { return nil }
    let root = Int(lowest[0])
    let failures = try sum(failure == nil ? 0 : 1)
    let fields = try [failure?.message, failure?.remedy].map { try broadcast($0 ?? "", from: root) }
    let kind = try broadcast(failure?.kind.rawValue ?? 0, from: root)
    let error = UserError(UserError.Kind(rawValue: kind) ?? .internalFault, fields[0], remedy: fields[1])
    return failures == size ? error : error.prefixed("rank \(root): ")
  }
}
