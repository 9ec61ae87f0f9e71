import ArgumentParser
import Cluster
import Foundation
import Tensors
import Training

/// The program: picks the processor's matrix kernels, parses the command line and runs one subcommand.
@main
struct EvlDist: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evl-dist",
    abstract: "Distils large ECG vision-language models into small ones on CPU clusters.",
    discussion: """
      Without a subcommand, trains with the built-in quick start: synthetic 12-lead ECGs, a tiny teacher, a tiny student.
      Commands marked * run under mpirun on any number of ranks, with the same bits for each number.
      Exit codes: 0 done, 64 usage or configuration, 65 bad input data, 69 a needed component is missing, 70 a bug, \
      74 input/output, 75 stopped by request and saved (run again to continue), 76 a rank is late or lost.
      """,
    version: Version.text,
    subcommands: [
      TrainCommand.self, TeachCommand.self, AblateCommand.self, EvaluateCommand.self, InterpretCommand.self,
      RenderCommand.self,
      InspectCommand.self,
      VerifyCommand.self, ExportCommand.self, DoctorCommand.self, BenchCommand.self, LossCommand.self,
      ForwardCommand.self, TokenizeCommand.self, ConfigCommand.self, PlanCommand.self, LaunchCommand.self,
      StatusCommand.self, ReportCommand.self,
    ],
    defaultSubcommand: TrainCommand.self)

  static func main() {
    let arguments = ProcessArguments.all
    MatrixKernels.restart(with: arguments)
    do {
      var command = try parseAsRoot(Array(arguments.dropFirst()))
      try command.run()
      try flushOutput()
    } catch let error as UserError {
      exit(printing: error)
    } catch {
      // Of several ranks one tells the user; the others leave with the same code.
      if Launcher().isFirst { exit(withError: error) }
      Foundation.exit(exitCode(for: error).rawValue)
    }
  }

  /// Results that did not reach the disk must not pass for done; a reader that has seen enough and closed the pipe has them.
  private static func flushOutput() throws {
    guard fflush(nil) != 0, errno != EPIPE else { return }
    throw UserError(
      .inputOutput, "standard output cannot be written: \(String(cString: strerror(errno)))",
      remedy: "check that the disk is not full, and start again")
  }

  private static func exit(printing error: UserError) -> Never {
    if Launcher().isFirst { Job.report(error) }
    Foundation.exit(error.exitCode)
  }
}

enum Version {
  static let text = "evl-dist \(ProgramVersion.text)"
}

extension ParsableCommand {
  /// Runs the body on every rank and ends the process with the job's exit code unless it is 0.
  ///
  /// - Parameter clearing: whether what killed jobs left on the hosts is removed, which rank 0 tells of its own host.
  func onEveryRank(clearing: Bool = true, _ body: (any Communicator) throws -> Void) throws {
    // Before MPI starts and makes its own.
    let leftovers = clearing ? Leftovers.remove() : nil
    let code = Job.run { communicator in
      if communicator.isController, let note = leftovers?.note {
        FileHandle.standardError.write(Data("\(note)\n".utf8))
      }
      try body(communicator)
    }
    if code != 0 { throw ExitCode(code) }
  }
}
