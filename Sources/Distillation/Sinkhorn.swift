import Foundation
import Tensors

/// How transport is regularised, when it stops and how it is differentiated.
public struct TransportSettings: Sendable, Equatable {
  public enum Stopping: Sendable, Equatable {
    /// Exactly this many sweeps: rows first, then columns; the plan is taken after the column update.
    case sweeps(Int)
    /// Until sum_i |row sum - 1/n| falls below the tolerance, at most `maximum` sweeps; each problem for itself.
    case tolerance(Double, maximum: Int)
    /// Sweeps, then Newton steps on the dual in double precision until both marginals are right to rounding.
    case converged
  }

  public enum Gradient: String, Codable, Sendable, CaseIterable {
    /// The plan is held constant: dL/dC = P.
    case envelope
    /// The exact derivative of <P*(C), C>: solves to convergence first, whatever the stopping rule.
    case implicit
  }

  /// eps itself, or eps over the mean cost of the problem when `isRelative`.
  public var epsilon: Double
  public var isRelative: Bool
  public var stopping: Stopping
  public var gradient: Gradient

  public init(epsilon: Double, isRelative: Bool, stopping: Stopping, gradient: Gradient = .envelope) {
    self.epsilon = epsilon
    self.isRelative = isRelative
    self.stopping = stopping
    self.gradient = gradient
  }
}

/// Potentials and kernel matrix of one problem in scaling form: P = a K b, K = e^((f + g - C) / eps).
///
/// Uniform marginals 1/n and 1/m. The start, f_i = min_j C_ij and g_j = min_i (C_ij - f_i), puts a 1 in every row and
/// column of K, so nothing under- or overflows whatever eps; scalings that leave a wide range are absorbed into the
/// potentials and K is formed anew. Source: Cuturi 2013; Schmitzer 2019 (stabilised scaling).
/// - Complexity: one pass over K [n, m] a sweep.
struct SinkhornIteration<Element: Scalar> {
  let cost: Tensor<Element>
  let epsilon: Double
  let kernel: Tensor<Element>
  private let f: Tensor<Element>
  private let g: Tensor<Element>
  let a: Tensor<Element>
  let b: Tensor<Element>
  private let scratch: Tensor<Element>
  private let bound: Double
  private let pool: BufferPool<Element>
  private(set) var sweeps = 0

  private var inverse: Element {
    Element(min(1 / epsilon, Double(Element.greatestFiniteMagnitude)))
  }

  /// - Parameter cost: [n, m]. - Precondition: epsilon > 0.
  init(cost: Tensor<Element>, epsilon: Double, pool: BufferPool<Element>) {
    self.cost = cost
    self.epsilon = epsilon
    self.pool = pool
    let (n, m) = (cost.rows, cost.columns)
    kernel = pool.tensor([n, m])
    f = pool.tensor([n])
    g = pool.tensor([m])
    a = pool.tensor([n])
    b = pool.tensor([m])
    scratch = pool.tensor([n + m])
    bound = MemoryLayout<Element>.size == 4 ? 1e6 : 1e60
    cost.transportStart(f: f, g: g)
    kernel.setTransportKernel(cost: cost, f: f, g: g, inverseEpsilon: inverse)
    // The iteration proper starts from potentials 0: b undoes g. What underflows weighs nothing in the first row sums.
    a.fill(1)
    b.setExp(scaled(g, by: -inverse))
  }

  private func scaled(_ x: Tensor<Element>, by factor: Element) -> Tensor<Element> {
    let y = pool.zeros(x.shape)
    y.add(x, times: factor)
    return y
  }

  /// One sweep; returns the row marginals' error before it (meaningless for the first).
  mutating func sweep() -> Double {
    let report = kernel.sinkhornSweep(a: a, b: b, scratch: scratch)
    sweeps += 1
    if report.low < 1 / bound || report.high > bound { absorb() }
    return report.error
  }

  /// f += eps log a, g += eps log b, a = b = 1: the same plan, scalings back in the middle of the range.
  private func absorb() {
    for (potential, scaling) in [(f, a), (g, b)] {
      for index in 0..<scaling.count { potential[index] += Element(epsilon * log(Double(scaling[index]))) }
      scaling.fill(1)
    }
    kernel.setTransportKernel(cost: cost, f: f, g: g, inverseEpsilon: inverse)
  }

  /// The potentials with the scalings in them, in double precision.
  func potentials() -> (f: Tensor<Double>, g: Tensor<Double>) {
    let result = (f.widened(), g.widened())
    for (potential, scaling) in [(result.0, a), (result.1, b)] {
      for index in 0..<scaling.count { potential[index] += epsilon * log(Double(scaling[index])) }
    }
    return result
  }

  /// Runs by a stopping rule.
  mutating func run(_ stopping: TransportSettings.Stopping) {
    switch stopping {
    case .sweeps(let count):
      for _ in 0..<count { _ = sweep() }
    case .tolerance(let tolerance, let maximum):
      while sweeps < maximum {
        let first = sweeps == 0
        if sweep() < tolerance, !first { break }
      }
    case .converged:
      // Newton follows. Where the plan falls apart into pieces the potentials between them are only what the sweeps
      // leave, so sweeps go as far as they pay.
      run(.tolerance(MemoryLayout<Element>.size == 4 ? 1e-6 : 1e-14, maximum: 300))
    }
  }
}
