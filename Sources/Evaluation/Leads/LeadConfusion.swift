import Cardiology
import Tensors

/// How much of a plan's mass crosses from one lead to another.
///
/// Of a plan P [n teacher tokens, m student tokens], mass[a][b] = sum of P_ij over student tokens j of lead a and teacher
/// tokens i of lead b; confusion = mass off the diagonal / all of it. Pairs with a token of no lead are left out of both
/// and reported. A token is of the lead whose box it overlaps most (`TokenLeads`).
public struct LeadConfusion: Sendable, Equatable {
  /// Mass by student's and teacher's lead, row-major in the order of `Lead.allCases`: shape [12, 12].
  public let mass: [Double]
  /// Mass of pairs in which a token has no lead.
  public let leftOut: Double

  private static let count = Lead.allCases.count

  /// - Parameters:
  ///   - plan: P [n, m]; any non-negative weights will do.
  ///   - teacher: the leads of the n teacher tokens.
  ///   - student: the leads of the m student tokens.
  /// - Complexity: O(n m).
  public init<Element: Scalar>(plan: Tensor<Element>, teacher: TokenLeads, student: TokenLeads) {
    precondition(
      plan.rows == teacher.leads.count && plan.columns == student.leads.count, "a plan \(plan.shape) of other tokens")
    self.init(teacher: teacher, student: student) { Double(plan[$0 * student.leads.count + $1]) }
  }

  /// The confusion of the plan that knows nothing: the same mass, 1 / (n m), for every pair.
  public static func uniform(teacher: TokenLeads, student: TokenLeads) -> LeadConfusion {
    let share = 1 / Double(teacher.leads.count * student.leads.count)
    return LeadConfusion(teacher: teacher, student: student) { _, _ in share }
  }

  private init(teacher: TokenLeads, student: TokenLeads, _ value: (Int, Int) -> Double) {
    let places = Dictionary(uniqueKeysWithValues: Lead.allCases.enumerated().map { ($1, $0) })
    let rows = teacher.leads.map { $0.flatMap { places[$0] } }
    let columns = student.leads.map { $0.flatMap { places[$0] } }
    var mass = [Double](repeating: 0, count: Self.count * Self.count)
    var leftOut = 0.0
    for (i, source) in rows.enumerated() {
      for (j, target) in columns.enumerated() {
        if let source, let target {
          mass[target * Self.count + source] += value(i, j)
        } else {
          leftOut += value(i, j)
        }
      }
    }
    self.mass = mass
    self.leftOut = leftOut
  }

  /// The masses as rows, a student's lead each.
  public var rows: [[Double]] {
    (0..<Self.count).map { Array(mass[$0 * Self.count..<($0 + 1) * Self.count]) }
  }

  /// Mass between tokens with leads.
  public var counted: Double { mass.reduce(0, +) }

  /// The share of the counted mass that joins different leads, 0 ... 1; nil where no mass is counted.
  public var value: Double? {
    let own = (0..<Self.count).reduce(0) { $0 + mass[$1 * Self.count + $1] }
    return counted > 0 ? max(0, 1 - own / counted) : nil
  }

  /// The share of all mass that is left out.
  public var leftOutShare: Double {
    let all = counted + leftOut
    return all > 0 ? leftOut / all : 0
  }
}
