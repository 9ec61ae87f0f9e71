import Foundation
import Tensors

/// What the student is trained to minimise; for EVL-ECG L = (1 - alpha) L_CE + alpha (lambda_m L_mhca + lambda_r L_rel +
/// lambda_ot L_ot), for the methods to compare with as their files say.
///
/// A weight of 0 switches its term off; so do alpha 0 and 1 for the two halves.
public struct ObjectiveConfiguration: Codable, Sendable, Equatable {
  /// Multi-head cross-attention alignment.
  public struct Alignment: Codable, Sendable, Equatable {
    /// lambda_m; absent: 1 / student width.
    public var weight: Double?
    /// Heads; must divide the student's width unless `dk` is given.
    public var heads: Int = 8
    /// Width of a head; absent: student width / heads.
    public var dk: Int?

    public init(weight: Double? = nil, heads: Int = 8, dk: Int? = nil) {
      self.weight = weight
      self.heads = heads
      self.dk = dk
    }
  }

  /// Entropic optimal transport on visual tokens.
  public struct Transport: Codable, Sendable, Equatable {
    /// lambda_ot; absent: 1 / teacher's visual width.
    public var weight: Double?
    /// Strength of the entropy.
    public var epsilon: Double = 0.05
    /// Whether epsilon is a fraction of a problem's mean cost.
    public var relative: Bool = true
    /// Sinkhorn sweeps, at most; exactly so many when the tolerance is 0.
    public var sweeps: Int = 100
    /// Marginal error (L1) at which a problem is done.
    public var tolerance: Double = 1e-3
    /// Whether each problem is solved until both marginals are right to rounding, by sweeps, then by Newton steps on the
    /// dual in double precision; sweeps and tolerance are not looked at.
    public var converged: Bool = false
    /// envelope or implicit; implicit is exact at convergence alone and implies `converged`.
    public var gradient: String = TransportSettings.Gradient.envelope.rawValue
    /// Whether a shard's problems, in their order, start from the potentials of the one before.
    public var warmStart: Bool = false

    public init() {}
  }

  /// Geometric relations between tokens.
  public struct Relation: Codable, Sendable, Equatable {
    /// lambda_r; absent: 1.
    public var weight: Double?

    public init(weight: Double? = nil) { self.weight = weight }
  }

  /// evl: the three terms with cross-entropy; ce: cross-entropy alone; the others: methods to compare with.
  public enum Method: String, CaseIterable, Sendable { case evl, ce, kl, tinybert, uld, rkd }

  /// How the terms' factors are found: as configured, or adapted by GradNorm.
  public enum Weighting: String, CaseIterable, Sendable { case fixed, gradnorm }

  /// The name of a `Method`.
  public var method: String = Method.evl.rawValue
  /// Share of the distillation terms, 0 ... 1; uld leaves it unused.
  public var alpha: Double = 0.5
  public var mhca = Alignment()
  public var transport = Transport()
  public var relation = Relation()
  public var kl = Divergence()
  public var tinybert = LayerByLayer()
  public var uld = SortedProbabilities()
  public var rkd = Samples()
  /// The name of a `Weighting`.
  public var weighting: String = Weighting.fixed.rawValue
  /// Whether the terms' weights are adapted to their gradients.
  public var adaptsWeights: Bool { weighting == Weighting.gradnorm.rawValue }
  public var norms = Norms()
  public var gradnorm = Balance()

  public init() {}

  /// Every rule the configuration breaks, each as "key: what is wrong"; empty when it is sound.
  ///
  /// - Parameter studentWidth: Ds, when it is known: the heads must divide it.
  public func problems(studentWidth: Int? = nil) -> [String] {
    var found: [String] = []
    func check(_ rule: Bool, _ message: String) { if !rule { found.append(message) } }
    let methods = Method.allCases.map(\.rawValue).joined(separator: ", ")
    check(Method(rawValue: method) != nil, "objective.method: '\(method)' is not available; available are: \(methods)")
    check((0...1).contains(alpha), "objective.alpha: \(alpha) is not between 0 and 1")
    for (key, weight) in [
      ("mhca", mhca.weight), ("transport", transport.weight), ("relation", relation.weight),
    ] {
      check(
        weight.map { $0 >= 0 && $0.isFinite } ?? true,
        "objective.\(key).weight: \(weight ?? 0) is not a number of at least 0")
    }
    check(mhca.heads > 0, "objective.mhca.heads: \(mhca.heads) is not positive")
    check(mhca.dk.map { $0 > 0 } ?? true, "objective.mhca.dk: \(mhca.dk ?? 0) is not positive")
    if let studentWidth, mhca.heads > 0, mhca.dk == nil {
      check(
        studentWidth % mhca.heads == 0,
        "objective.mhca.heads: \(mhca.heads) heads do not divide the student's width \(studentWidth); "
          + "change heads or give dk"
      )
    }
    check(
      transport.epsilon > 0 && transport.epsilon.isFinite,
      "objective.transport.epsilon: \(transport.epsilon) is not positive")
    check(
      !transport.relative || transport.epsilon >= TransportSettings.smallestRelativeEpsilon
        || transport.epsilon <= 0,
      "objective.transport.epsilon: \(transport.epsilon) of the mean cost is below "
        + "\(TransportSettings.smallestRelativeEpsilon), where costs have no digit left beside it")
    check(
      chosen != .evl || alpha == 0 || mhca.weight != 0 || transport.weight != 0 || relation.weight != 0,
      "objective: method evl with every weight 0 learns from no teacher; choose objective.method ce")
    check(transport.sweeps > 0, "objective.transport.sweeps: \(transport.sweeps) is not positive")
    check(
      transport.tolerance >= 0 && transport.tolerance.isFinite,
      "objective.transport.tolerance: \(transport.tolerance) is not a number of at least 0")
    let gradients = TransportSettings.Gradient.allCases.map(\.rawValue)
    check(
      gradients.contains(transport.gradient),
      "objective.transport.gradient: '\(transport.gradient)' is neither \(gradients.joined(separator: " nor "))")
    return found + methodProblems()
  }

  /// - Throws: `UserError` (usage) listing all problems.
  public func validate(studentWidth: Int? = nil) throws {
    let found = problems(studentWidth: studentWidth)
    guard found.isEmpty else {
      throw UserError(
        .usage, "the objective's configuration has \(found.count) problem(s):\n  " + found.joined(separator: "\n  "),
        remedy: "change these keys in the configuration file or with --set")
    }
  }

  /// The transport's settings in the solver's terms.
  public var transportSettings: TransportSettings {
    let gradient = TransportSettings.Gradient(rawValue: transport.gradient) ?? .envelope
    let stopping: TransportSettings.Stopping =
      gradient == .implicit || transport.converged
      ? .converged
      : transport.tolerance > 0
        ? .tolerance(transport.tolerance, maximum: transport.sweeps) : .sweeps(transport.sweeps)
    return TransportSettings(
      epsilon: transport.epsilon, isRelative: transport.relative, stopping: stopping, gradient: gradient,
      chain: transport.warmStart ? Int.max : 1)
  }

  /// The factors of EVL-ECG's terms with the defaults filled in.
  public func weights(for widths: ObjectiveWidths) -> LossWeights {
    guard chosen == .evl else { return LossWeights(alpha: 0, alignment: 0, relation: 0, transport: 0) }
    return LossWeights(
      alpha: alpha, alignment: mhca.weight ?? 1 / Double(widths.student), relation: relation.weight ?? 1,
      transport: transport.weight ?? 1 / Double(widths.teacherVisual))
  }
}

/// Widths the objective's own parameters depend on.
public struct ObjectiveWidths: Sendable, Equatable {
  /// Ds, Dt: hidden states.
  public var student: Int
  public var teacher: Int
  /// Dvs, Dv: visual tokens.
  public var studentVisual: Int
  public var teacherVisual: Int

  public init(student: Int, teacher: Int, studentVisual: Int, teacherVisual: Int) {
    self.student = student
    self.teacher = teacher
    self.studentVisual = studentVisual
    self.teacherVisual = teacherVisual
  }
}
