import Foundation
import TestSupport
import Testing

@Suite struct LaunchCommandTests {
  /// "561.5 MB" or "1.20 GB" behind a text, in megabytes.
  private func megabytes(after text: String, in output: String) -> Double? {
    guard let start = output.range(of: text)?.upperBound else { return nil }
    let words = output[start...].split(separator: " ").prefix(2)
    guard let first = words.first, let number = Double(first), let unit = words.last else { return nil }
    return unit.hasPrefix("GB") ? 1000 * number : number
  }

  @Test(.enabled(if: MPIRun.isPresent)) func memoryIsThatOfADryRun() throws {
    let planned = try MPIRun.run(ranks: 8, MPIRun.program("evl-dist"), ["train", "--dry-run"])
    let printed = try CommandTests.run(["launch", "slurm", "--step-seconds", "0.5"])
    #expect(printed.code == 0 && printed.errors == "", "\(printed)")
    let wanted = try #require(megabytes(after: "memory per node", in: planned.output))
    let told = try #require(megabytes(after: "# Memory:", in: printed.output))
    // Without mpirun a process has less of its own.
    #expect(told <= 1.01 * wanted && told > 0.7 * wanted, "\(told) \(wanted)")
    let asked = try #require(
      printed.output.components(separatedBy: "--mem=").last.flatMap { Int($0.prefix { $0 != "M" }) })
    #expect(Double(asked << 20) > 1.1e6 * wanted && Double(asked << 20) < 1.1e6 * wanted + 1e9 && asked % 256 == 0)
  }

  @Test func timeIsThatOfTheStepsAndOfWhatIsAskedFor() throws {
    let given = try CommandTests.run(["launch", "slurm", "--step-seconds", "0.5"])
    // 240 steps and the teacher's 160, a quarter more, ten minutes and the margin of two, in whole five minutes.
    #expect(given.output.contains("#SBATCH --time=00:20:00\n#SBATCH --signal=B:USR1@120\n"), "\(given)")
    #expect(given.output.contains("# Time: 400 steps of 0.50 s as given"))
    let limited = try CommandTests.run(
      ["launch", "pbs", "--step-seconds", "60", "--time", "1-00:00:00", "--set", "teacher.steps=4"])
    #expect(limited.output.contains("#PBS -l walltime=24:00:00\n"), "\(limited)")
    #expect(limited.output.contains("05:20:00 in all, in jobs of 24:00:00."), "\(limited)")
    let measured = try CommandTests.run(["launch", "slurm"])
    #expect(measured.code == 0 && measured.output.contains(" s as measured where this was written"), "\(measured)")
  }

  @Test func theJobRunsWhatItWasPrintedFor() throws {
    let outcome = try CommandTests.run(
      [
        "launch", "kubernetes", "--nodes", "4", "--ranks-per-node", "2", "--set", "run.folder=a folder", "--image",
        "i:1",
      ])
    #expect(outcome.code == 0 && outcome.output.contains("ARGUMENTS=(train --set 'run.folder=a folder')\n"))
    #expect(outcome.output.contains("replicas: 4\n") && outcome.output.contains("slotsPerWorker: 2\n"))
    let idle = try CommandTests.run(["launch", "slurm", "--nodes", "4", "--step-seconds", "1"])
    #expect(idle.code == 0 && idle.errors.contains("warning: "), "32 ranks for 8 shards: \(idle)")
  }

  @Test(arguments: [
    ["loadleveler"], ["slurm", "--nodes", "0"], ["slurm", "--time", "soon"], ["slurm", "--time", "auto"],
    ["slurm", "--time", "00:03:00"], ["slurm", "--image", "x"], ["kubernetes", "--time", "01:00:00"],
    ["slurm", "--name", "A B"], ["slurm", "--grace", "0"], ["slurm", "--set", "train.steps=x"], [],
    // Of the margin of 120 s mpirun takes twice the grace after a save.
    ["slurm", "--grace", "60"], ["slurm", "--grace", "300", "--set", "run.margin=300"],
    ["slurm", "--set", "run.margin=100000"],
  ]) func whatCannotBeAskedForIsRefused(arguments: [String]) throws {
    let outcome = try CommandTests.run(
      ["launch"] + arguments + (arguments.first == "slurm" ? ["--step-seconds", "1"] : []))
    #expect(outcome.code == 64 && outcome.output == "" && !outcome.errors.isEmpty, "\(outcome)")
  }
}
