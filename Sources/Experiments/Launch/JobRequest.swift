import Cluster
import Foundation
import Tensors
import Training

/// What a batch system is asked for, from what a run is planned to take.
public struct JobRequest: Sendable, Equatable {
  public var nodes = 1
  public var ranksPerNode = 8
  /// Threads of a rank.
  public var threads = 1
  /// Bytes of a node.
  public var memory = 2 << 30
  /// Bytes of `/dev/shm` that a container needs, which are part of `memory`.
  public var sharedMemory = 512 << 20
  /// Seconds the job may run.
  public var seconds = 3600
  /// Seconds before its end at which it is asked to save.
  public var margin = 120
  /// Where the memory comes from, in a line.
  public var memorySource = "Memory: what eight ranks of the quick start take; `evl-dist launch` plans it."
  /// Where the time comes from, in a line.
  public var timeSource = "Time: an hour; `evl-dist launch` takes it from the steps."

  /// That of the quick start.
  public init() {}

  /// Where the seconds of a step come from.
  public enum StepTime: Sendable, Equatable {
    case given(Double)
    /// Of a student's forward and backward on this machine, without a teacher and losses.
    case measured(Double)

    var seconds: Double {
      switch self {
      case .given(let seconds), .measured(let seconds): seconds
      }
    }

    /// What a request makes of it: others slow a node down, and what was not measured counts as much again.
    var allowance: Double {
      switch self {
      case .given: 1.25
      case .measured: 2
      }
    }

    fileprivate var text: String {
      let seconds = String(format: self.seconds < 0.1 ? "%.4f" : "%.2f", self.seconds)
      return switch self {
      case .given: "\(seconds) s as given, and a quarter more"
      case .measured: "\(seconds) s as measured where this was written (no teacher, no losses), twice that"
      }
    }
  }

  /// Bytes of a rank that a plan made without mpirun does not see: MPI's own (13 MB of Open MPI 4.1).
  private static let messagePassing = 16 << 20
  /// Beside the steps: start, evaluation, the last save.
  private static let overhead = 600.0

  /// - Parameters:
  ///   - plan: for as many ranks as the request's nodes have.
  ///   - step: nil where the batch system is told no time.
  ///   - limit: seconds the job may run, in place of those the steps take.
  /// - Throws: `UserError(.usage)` where the job would be asked to save as soon as it starts.
  public init(_ plan: RunPlan, nodes: Int, ranksPerNode: Int, step: StepTime?, limit: Double?) throws {
    (self.nodes, self.ranksPerNode, threads) = (nodes, ranksPerNode, plan.threads)
    let memory = try plan.memory()
    let node = memory.node(ranks: ranksPerNode)
    // A tenth for what no plan sees, and mpirun's own processes.
    self.memory = Self.up(Int(1.1 * Double(node)) + ranksPerNode * Self.messagePassing + 256 << 20, to: 256 << 20)
    sharedMemory = Self.up(memory.perNode + 256 << 20, to: 256 << 20)
    memorySource =
      "Memory: \(MemoryPlan.text(node)) a node, as `train --dry-run` plans, a tenth, 16 MiB a rank and 256 MiB more."
    if let step { try askFor(plan, step, limit) }
  }

  private mutating func askFor(_ plan: RunPlan, _ step: StepTime, _ limit: Double?) throws {
    let steps = step.allowance * Double(plan.steps) * step.seconds
    let whole = Self.up(Int(min(steps, 1e9) + Self.overhead + plan.margin), to: 300)
    seconds = limit.map { Int($0) } ?? whole
    margin = Int(plan.margin.rounded(.up))
    guard seconds >= 2 * margin else {
      throw UserError(
        .usage, "a job of \(seconds) s is asked to save \(margin) s before its end, hardly after its start",
        remedy: "a longer --time, or a lower run.margin")
    }
    timeSource =
      "Time: \(plan.steps) steps of \(step.text), and \(Int(Self.overhead / 60)) minutes"
      + (limit == nil ? "." : ": \(Self.clock(whole)) in all, in jobs of \(Self.clock(seconds)).")
  }

  private static func up(_ value: Int, to unit: Int) -> Int { (value + unit - 1) / unit * unit }

  /// Seconds as hours, minutes and seconds, "101:05:00".
  static func clock(_ seconds: Int) -> String {
    String(format: "%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60)
  }
}
