import Cluster
import Foundation
import Tensors

/// Goes through steps of a collective each; in step 3 one rank is late, stopped, killed, or throws.
func goThroughSteps(_ communicator: any Communicator, _ options: ProbeOptions) throws {
  let status = communicator.status
  // A request to end must not end a rank before its watchdog has spoken, as in a training run.
  try StopFlag().watch()
  status.limitSteps(toSeconds: Double(options("limit", 4)))
  for step in 1...options("steps", 5) {
    status.begin(step: step)
    usleep(UInt32(options("pause", 20)) * 1000)
    if step == 3 {
      status.enter(.backward, bucket: 7)
      if communicator.rank == options("late", -1) { sleep(120) }
      if communicator.rank == options("stop", -1) { kill(getpid(), SIGSTOP) }
      if communicator.rank == options("kill", -1) { kill(getpid(), SIGKILL) }
      if communicator.rank == options("throw", -1) { throw UserError(.badInput, "record 00001 is damaged") }
    }
    let sum = try communicator.sum(communicator.rank)
    if communicator.isController {
      print("step \(step): \(sum)")
      fflush(nil)
    }
  }
}
