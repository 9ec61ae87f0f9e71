import Cluster
import Foundation
import Tensors

/// One rank throws while the others wait in a collective; all hold memory that had a name.
func failAlone(_ communicator: any Communicator, _ options: ProbeOptions) throws {
  let memory = try communicator.shareMemory(bytes: 1 << 20, sharing: .named)
  defer { withExtendedLifetime(memory) {} }
  if communicator.rank == min(options("rank", 2), communicator.size - 1) {
    throw UserError(.badInput, "record 00001 is damaged", remedy: "fetch it again")
  }
  try communicator.barrier()
}

/// One rank's body throws inside an agreement.
func failAgreed(_ communicator: any Communicator, _ options: ProbeOptions) throws {
  try communicator.agree {
    if communicator.rank == min(options("rank", 2), communicator.size - 1) {
      throw UserError(.badInput, "record 00001 is damaged", remedy: "fetch it again")
    }
  }
}

/// Works until a signal comes, then all ranks stop at the same step.
func waitForSignal(_ communicator: any Communicator) throws {
  let flag = StopFlag()
  try flag.watch()
  // A signal would end a rank that does not watch yet.
  try communicator.barrier()
  if communicator.isController {
    print("ready \(Launcher.process)")
    fflush(nil)
  }
  for _ in 0..<3000 {
    let signal = try flag.agreed(among: communicator)
    if signal != 0 {
      throw AgreedError(UserError(.stopped, "stopped by \(StopFlag.name(of: signal))"))
    }
    usleep(10_000)
  }
}

func printTopology(_ communicator: any Communicator) throws {
  let topology = try Topology.gather(among: communicator, threads: 1)
  guard communicator.isController else { return }
  print("\(topology.nodeCount) node, ranks \(topology.places.map(\.rank)), warnings \(topology.warnings.count)")
  for place in topology.places {
    print(
      "rank \(place.rank): node \(place.node), local rank \(place.localRank) on \(place.host);", place.processors,
      place.hostProcessors, place.quota.map { "\($0)" } ?? "no quota"
    )
  }
}
