import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

@Suite struct JobScriptTests {
  @Test(arguments: JobScript.System.allCases) func theFileOfLaunchHasTheDefaultSettings(system: JobScript.System) throws
  {
    let (file, text) = (MPIRun.script(system.fileName), try JobScript(system).text())
    if ProcessInfo.processInfo.environment["EVL_WRITE_JOBS"] == "1" {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOfFile: file, encoding: .utf8) == text, "EVL_WRITE_JOBS=1 writes it anew")
  }

  private func changed(_ system: JobScript.System) -> JobScript {
    var script = JobScript(system)
    script.request.nodes = 4
    script.request.ranksPerNode = 16
    script.request.threads = 2
    script.request.memory = 9 << 30
    script.request.seconds = 400_000
    script.request.margin = 300
    (script.name, script.program, script.arguments) = ("other", "/a/b c", ["train", "--config", "it's.yaml"])
    (script.binding, script.grace, script.restarts) = (.none, 60, 7)
    (script.partition, script.account, script.image, script.volume) = ("long", "mine", "here/evl:2", "claim")
    return script
  }

  @Test(arguments: JobScript.System.allCases) func belowTheSettingsEveryJobIsTheSame(system: JobScript.System) throws {
    let first = try JobScript(system).text().components(separatedBy: JobScript.seam)
    let second = try changed(system).text().components(separatedBy: JobScript.seam)
    #expect(first.count == 2 && second.count == 2)
    #expect(first.last == second.last && first.first != second.first)
  }

  @Test func settingsReachTheirDirectives() throws {
    let slurm = try changed(.slurm).text()
    for line in [
      "#SBATCH --job-name=other", "#SBATCH --nodes=4", "#SBATCH --ntasks-per-node=16", "#SBATCH --cpus-per-task=2",
      "#SBATCH --mem=9216M", "#SBATCH --time=111:06:40", "#SBATCH --partition=long", "#SBATCH --account=mine",
      "GRACE=60", "RESTARTS=7", "BIND=none", "THREADS=2",
    ] { #expect(slurm.contains("\n\(line)\n"), "\(line)") }
    let pbs = try changed(.pbs).text()
    for line in ["#PBS -l select=4:ncpus=32:mpiprocs=16:mem=9216mb", "#PBS -q long", "#PBS -A mine"] {
      #expect(pbs.contains("\n\(line)\n"), "\(line)")
    }
    let kubernetes = try changed(.kubernetes).text()
    for line in ["&image here/evl:2", "&volume claim", "&cores \"32\"", "&termination 130", "replicas: 4"] {
      #expect(kubernetes.contains("\(line)\n"), "\(line)")
    }
  }

  /// Bash is asked what it reads.
  @Test func argumentsReachTheProgramUnchanged() throws {
    var script = JobScript(.slurm)
    script.arguments = ["train", "--set", "run.folder=a folder", "it's", "$HOME", "*", "", "a\\b", "\"q\"", "#x", "~"]
    let show = script.assignments + "\nprintf '%s\\n' \"${ARGUMENTS[@]}\""
    let outcome = try MPIRun.run(command: ["bash", "-c", show])
    #expect(outcome.output == script.arguments.joined(separator: "\n") + "\n")
  }

  @Test(arguments: ["", "Upper", "a b", "-a", "a-", "a\nb", "ä"]) func otherNamesAreRefused(name: String) {
    var script = JobScript(.slurm)
    script.name = name
    #expect(throws: UserError.self) { try script.text() }
    script.name = "good"
    script.partition = name + "\n#SBATCH --exclusive"
    #expect(throws: UserError.self) { try script.text() }
  }
}
