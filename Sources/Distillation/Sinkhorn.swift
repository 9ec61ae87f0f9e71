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

  /// Smallest eps as a share of the mean cost: single precision keeps the costs to 6e-8 of themselves.
  public static let smallestRelativeEpsilon = 1e-7

  /// eps itself, or eps over the mean cost of the problem when `isRelative`.
  public var epsilon: Double
  public var isRelative: Bool
  public var stopping: Stopping
  public var gradient: Gradient
  /// Problems in a row of which each but the first starts from the potentials of the one before; 1: all from 0.
  public var chain: Int

  public init(epsilon: Double, isRelative: Bool, stopping: Stopping, gradient: Gradient = .envelope, chain: Int = 1) {
    self.epsilon = epsilon
    self.isRelative = isRelative
    self.stopping = stopping
    self.gradient = gradient
    self.chain = chain
  }
}

/// Potentials and kernel matrix of one problem in scaling form: P = a K b, K = e^((f + g - C) / eps).
///
/// Uniform marginals 1/n and 1/m. The iteration starts from the student's potentials g0: 0, or those of a problem solved
/// before (the first row update makes f of them). K is formed with f_i = min_j (C_ij - g0_j), g_j = min_i (C_ij - f_i),
/// which puts a 1 in every row and column, so nothing under- or overflows whatever eps; scalings that leave a wide range
/// are absorbed into the potentials and K is formed anew. Source: Cuturi 2013; Schmitzer 2019 (stabilised scaling).
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
  private(set) var sweeps = 0

  private var inverse: Element {
    Element(min(1 / epsilon, Double(Element.greatestFiniteMagnitude)))
  }

  /// - Parameters:
  ///   - cost: [n, m].
  ///   - start: g0, [m]; nil for 0.
  /// - Precondition: epsilon > 0.
  init(cost: Tensor<Element>, epsilon: Double, start: Tensor<Double>? = nil, pool: BufferPool<Element>) {
    self.cost = cost
    self.epsilon = epsilon
    let (n, m) = (cost.rows, cost.columns)
    kernel = pool.tensor([n, m])
    f = pool.tensor([n])
    g = pool.tensor([m])
    a = pool.tensor([n])
    b = pool.tensor([m])
    scratch = pool.tensor([n + m])
    bound = MemoryLayout<Element>.size == 4 ? 1e10 : 1e60
    let initial = pool.zeros([m])
    if let start { initial.setNarrowed(start) }
    cost.transportStart(from: initial, f: f, g: g)
    kernel.setTransportKernel(cost: cost, f: f, g: g, inverseEpsilon: inverse)
    // The iteration proper starts from g0 <= g: b undoes the rest. What underflows weighs nothing in the first row sums.
    a.fill(1)
    initial.add(g, times: -1)
    initial.scale(by: inverse)
    b.setExp(initial)
  }

  /// f += eps log a, g += eps log b, a = b = 1: the same plan, scalings back in the middle of the range.
  private func absorb() {
    a.absorb(into: f, epsilon: epsilon)
    b.absorb(into: g, epsilon: epsilon)
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
    case .sweeps(let count): sweep(until: 0, maximum: count)
    case .tolerance(let tolerance, let maximum): sweep(until: tolerance, maximum: maximum)
    case .converged:
      // Newton follows. Where the plan falls apart into pieces the potentials between them are only what the sweeps
      // leave, so sweeps go as far as they pay.
      run(.tolerance(MemoryLayout<Element>.size == 4 ? 1e-6 : 1e-14, maximum: 300))
    }
  }
  private mutating func sweep(until tolerance: Double, maximum: Int) {
    while sweeps < maximum {
      var limits = SweepLimits(maximum: maximum - sweeps)
      limits.unjudged = sweeps == 0 ? 1 : 0
      limits.tolerance = tolerance
      limits.bound = bound
      let report = kernel.sinkhorn(a: a, b: b, scratch: scratch, limits: limits)
      sweeps += report.count
      if report.leftRange { absorb() }
      if report.error < tolerance, sweeps > 1 { break }
    }
  }
}
