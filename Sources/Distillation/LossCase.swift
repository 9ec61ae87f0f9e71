import Autograd
import Foundation
import Tensors

/// A loss case: inputs of one loss in a safetensors file, whose values and gradients are computed by the code that
/// trains.
///
/// Kinds mhca, rel, ot, ce and total; `in.*` are inputs, every `out.*` is written in its per-sequence form, padded
/// positions as zeros. In kind total, optional metadata `sweeps`, `tolerance`, `epsilon_relative`, `gradient`, `converged`
/// and `warm_start` (samples of a shard) say how a training step's transport was run; without them it is solved to
/// convergence with the absolute `eps`.
public struct LossCase {
  public enum Kind: String, CaseIterable, Sendable { case mhca, rel, ot, ce, total }

  public let file: SafetensorsFile
  public let kind: Kind

  /// - Throws: `UserError` when the file is damaged or of an unknown kind.
  public init(contentsOf url: URL) throws {
    file = try SafetensorsFile(contentsOf: url)
    let name = file.metadata["kind"] ?? ""
    guard let kind = Kind(rawValue: name) else {
      throw UserError(
        .badInput, "\(url.path): its metadata give the kind '\(name)'",
        remedy: "known kinds are: \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    self.kind = kind
  }

  /// Every `out.*` tensor, computed with scalars of one type. - Throws: `UserError` naming file and tensor.
  public func evaluate<Element: Scalar>(as type: Element.Type = Element.self) throws -> LossCaseResult<Element> {
    let inputs = LossCaseInputs<Element>(file: file)
    switch kind {
    case .mhca: return try evaluateAlignment(inputs)
    case .rel: return try evaluateRelations(inputs)
    case .ot: return try evaluateTransport(inputs)
    case .ce: return try evaluateCrossEntropy(inputs)
    case .total: return try evaluateTotal(inputs)
    }
  }
}

/// The tensors computed for a case.
public struct LossCaseResult<Element: Scalar> {
  public private(set) var tensors: [(name: String, tensor: Tensor<Element>)] = []

  public subscript(name: String) -> Tensor<Element>? { tensors.first { $0.name == name }?.tensor }

  mutating func add(_ name: String, _ tensor: Tensor<Element>) { tensors.append((name, tensor)) }

  mutating func add(_ name: String, _ value: Double) { add(name, Tensor([Element(value)], [1])) }

  /// Writes the tensors in their own type. - Throws: `UserError` (input/output).
  public func write(to url: URL, metadata: [String: String] = [:]) throws {
    var writer = SafetensorsWriter(metadata: metadata)
    for (name, tensor) in tensors { writer.add(name, tensor) }
    try writer.write(to: url)
  }
}

/// Reads and checks a case's inputs.
struct LossCaseInputs<Element: Scalar> {
  let file: SafetensorsFile

  func fault(_ what: String) -> UserError {
    UserError(.badInput, "\(file.url.path): \(what)", remedy: "docs/loss-cases.md says what a case of each kind holds")
  }

  /// A tensor of the given rank. Extents may be required: nil = any.
  func tensor(_ name: String, _ extents: [Int?]) throws -> Tensor<Element> {
    let shape = try file.entry(name).shape
    let fits = shape.count == extents.count && zip(shape, extents).allSatisfy { $1 == nil || $0 == $1 }
    guard fits, shape.allSatisfy({ $0 > 0 }) else {
      let wanted = extents.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
      throw fault("tensor \(name) has shape \(shape), expected [\(wanted)] without empty extents")
    }
    let tensor: Tensor<Element> = try file.tensor(name)
    guard tensor.isFinite else { throw fault("tensor \(name) holds a number that is not finite") }
    return tensor
  }

  /// A variable [B * L, D] of a tensor [B, L, D], with its sequences.
  func rows(_ name: String, batch: Int? = nil, width: Int? = nil) throws -> CaseRows<Element> {
    let tensor = try tensor(name, [batch, nil, width])
    let shape = tensor.shape
    return CaseRows(
      variable: Variable(tensor.reshaped([shape[0] * shape[1], shape[2]]), needsGradient: true), shape: shape)
  }

  /// A mask [B, L] for the rows, when there is one; every sequence must keep a row.
  func mask(_ name: String, for rows: CaseRows<Element>) throws -> [UInt8]? {
    guard file.entries[name] != nil else { return nil }
    let shape = try file.entry(name).shape
    guard shape == Array(rows.shape.prefix(2)) else {
      throw fault("tensor \(name) has shape \(shape), expected \(Array(rows.shape.prefix(2)))")
    }
    let mask = try file.integers(name).map { UInt8($0 == 0 ? 0 : 1) }
    for sequence in 0..<shape[0] where !mask[rows.segments[sequence]].contains(1) {
      throw fault("tensor \(name) leaves sequence \(sequence) without a valid token")
    }
    return mask
  }

  func integer(_ key: String) throws -> Int {
    guard let text = file.metadata[key], let value = Int(text) else {
      throw fault("its metadata give \(key) as '\(file.metadata[key] ?? "nothing")', expected an integer")
    }
    return value
  }

  func number(_ key: String) throws -> Double {
    guard let text = file.metadata[key], let value = Double(text), value.isFinite else {
      throw fault("its metadata give \(key) as '\(file.metadata[key] ?? "nothing")', expected a number")
    }
    return value
  }

  func positive(_ key: String) throws -> Double {
    let value = try number(key)
    guard value > 0 else { throw fault("its metadata give \(key) as \(value), expected a positive number") }
    return value
  }

  func integers(_ name: String, shape: [Int]) throws -> [Int] {
    let found = try file.entry(name).shape
    guard found == shape else { throw fault("tensor \(name) has shape \(found), expected \(shape)") }
    return try file.integers(name)
  }

  /// Trainable parameters filled from `in.<name>`; each with its extents.
  func arena(_ parameters: [(name: String, extents: [Int?])]) throws -> ParameterArena<Element> {
    var layout = ParameterLayout()
    let tensors = try parameters.map { (name: $0.name, tensor: try tensor("in." + $0.name, $0.extents)) }
    for (name, tensor) in tensors { layout.add(name, tensor.shape, .constant(0)) }
    let arena = ParameterArena<Element>(layout: layout, trainable: true)
    for (name, tensor) in tensors { arena[name].value.copy(from: tensor) }
    return arena
  }

  /// Wq, Wk, Wv, Wo for states of the given widths. - Throws: `UserError` when heads do not divide the columns.
  func alignmentArena(student: Int, teacher: Int, heads: Int, and more: [(name: String, extents: [Int?])] = []) throws
    -> ParameterArena<Element>
  {
    let inner = try tensor("in.Wq", [student, nil]).columns
    let values = try tensor("in.Wv", [teacher, nil]).columns
    guard heads > 0, inner % heads == 0, values % heads == 0 else {
      throw fault("\(heads) heads do not divide the \(inner) columns of in.Wq and the \(values) of in.Wv")
    }
    return try arena(
      [("Wq", [student, inner]), ("Wk", [teacher, inner]), ("Wv", [teacher, values]), ("Wo", [values, student])] + more)
  }
}

/// A padded batch [B, L, D] seen as rows.
struct CaseRows<Element: Scalar> {
  let variable: Variable<Element>
  let shape: [Int]
  var segments: Segments { Segments(count: shape[0], length: shape[1]) }

  /// The variable's gradient in the batch's shape; zeros when no loss depends on it.
  var gradient: Tensor<Element> { variable.gradient?.reshaped(shape) ?? Tensor(zeros: shape) }
}

extension ParameterArena {
  var alignmentWeights: AlignmentWeights<Element> {
    AlignmentWeights(query: self["Wq"], key: self["Wk"], value: self["Wv"], output: self["Wo"])
  }

  /// Runs a forward pass and its backward between the arena's begin and end.
  func differentiate<Result>(_ tape: Tape<Element>, _ forward: () throws -> Result) rethrows -> Result {
    beginBackward()
    let result = try forward()
    settleUses()
    tape.backward()
    endBackward()
    return result
  }

  func gradient(_ name: String) -> Tensor<Element> {
    self[name].gradient?.copy() ?? Tensor(zeros: self[name].value.shape)
  }
}
