import ArgumentParser
import Cluster
import Experiments
import Foundation
import Tensors

struct LaunchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launch",
    abstract: "Prints a ready job for Slurm, PBS or Kubernetes, with the memory and time that a run takes.",
    discussion: """
      The job runs `train` with the same --config and --set; paths are those of the nodes. Memory is what `train --dry-run` \
      plans, time the steps at --step-seconds, or as measured here when left out; comments in the job say which. A job \
      whose time is up saves, and goes on in the next one.
      Exit codes: 0 printed; 64 settings that train, or the batch system, would refuse; 65, 74 as train.
      """)

  @Argument(help: "slurm, pbs or kubernetes (Kubeflow's MPI operator).") var system: JobScript.System
  @OptionGroup var options: ConfigurationOptions
  @Option(help: "Nodes.") var nodes = 1
  @Option(help: "Ranks of each node; each takes train.threads cores.") var ranksPerNode = 8
  @Option(help: "Seconds of a step on these nodes, as a run or plan tells; measured here when left out.")
  var stepSeconds: Double?
  @Option(help: "Time of one job, HH:MM:SS, in place of what all steps take; not for kubernetes.") var time: String?
  @Option(help: "Name of the job.") var name = "evl-dist"
  @Option(help: "The program as the nodes find it.") var program = "evl-dist"
  @Option(help: "core: each rank has cores of its own; none: the kernel places them (kubernetes' default).")
  var bind: JobScript.Binding?
  @Option(help: "Seconds that a save may take after SIGTERM.") var grace = 25
  @Option(help: "How often the job may begin anew.") var restarts = 100
  @Option(help: "Slurm's partition or PBS's queue.") var partition: String?
  @Option(help: "Slurm's or PBS's account.") var account: String?
  @Option(help: "Container, for kubernetes.") var image: String?
  @Option(help: "Persistent volume claim of data and run folder, for kubernetes.") var volume: String?

  func validate() throws {
    for (name, value, range) in [
      ("nodes", nodes, 1...100_000), ("ranks-per-node", ranksPerNode, 1...4096), ("grace", grace, 1...86_400),
      ("restarts", restarts, 0...1_000_000),
    ] where !range.contains(value) {
      throw ValidationError("--\(name) is from \(range.lowerBound) to \(range.upperBound)")
    }
    guard (1e-6...1e6).contains(stepSeconds ?? 1) else {
      throw ValidationError("--step-seconds is from 1e-6 to 1e6")
    }
    let batch = [
      "time": time, "partition": partition, "account": account, "step-seconds": stepSeconds.map { "\($0)" },
    ]
    let container = ["image": image, "volume": volume]
    for (name, value) in system == .kubernetes ? batch : container where value != nil {
      throw ValidationError("--\(name) is not for \(system.rawValue)")
    }
  }

  func run() throws {
    let resolved = try options.resolved()
    let plan = try RunPlan(resolved, ranks: nodes * ranksPerNode, ranksPerNode: ranksPerNode)
    for warning in plan.warnings { FileHandle.standardError.write(Data("warning: \(warning)\n".utf8)) }
    var script = JobScript(system)
    script.request = try JobRequest(
      plan, nodes: nodes, ranksPerNode: ranksPerNode, step: try stepTime(plan), limit: try limit())
    (script.name, script.program, script.binding) = (name, program, bind ?? script.binding)
    script.arguments = ["train"] + (options.file.map { ["--config", $0] } ?? [])
    script.arguments += options.assignments.flatMap { ["--set", $0] }
    (script.grace, script.restarts) = (grace, restarts)
    (script.partition, script.account) = (partition ?? "", account ?? "")
    script.image = image ?? script.image
    script.volume = volume ?? script.volume
    print(try script.text(), terminator: "")
  }

  /// Seconds of `--time`.
  private func limit() throws -> Double? {
    guard let time else { return nil }
    guard time.contains(":"), let seconds = try JobTime.left(time) else {
      throw UserError(.usage, "--time \"\(time)\" is no time", remedy: "write MM:SS, HH:MM:SS or D-HH:MM:SS")
    }
    return seconds
  }

  /// Nil for a system that is told no time.
  private func stepTime(_ plan: RunPlan) throws -> JobRequest.StepTime? {
    if system == .kubernetes { return nil }
    if let stepSeconds { return .given(stepSeconds) }
    FileHandle.standardError.write(Data("timing a shard, which --step-seconds would tell ...\n".utf8))
    return .measured(try plan.measuredStep())
  }
}

extension JobScript.System: ExpressibleByArgument {}
extension JobScript.Binding: ExpressibleByArgument {}
