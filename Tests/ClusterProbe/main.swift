// The part of the tests of Cluster that runs under mpirun: one subcommand an experiment; rank 0 prints its result.

import Cluster
import Foundation
import Tensors

/// The numbers given as name=value.
struct ProbeOptions {
  private let values: [String: Int]

  init(_ arguments: some Sequence<String>) {
    let pairs = arguments.compactMap { argument -> (String, Int)? in
      let parts = argument.split(separator: "=").map(String.init)
      return parts.count == 2 ? Int(parts[1]).map { (parts[0], $0) } : nil
    }
    values = Dictionary(pairs) { $1 }
  }

  func callAsFunction(_ name: String, _ standard: Int) -> Int { values[name] ?? standard }
}

/// FNV-1a of the bytes.
func digest(_ bytes: some Sequence<UInt8>) -> String {
  String(bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 16)
}

let arguments = CommandLine.arguments.dropFirst()
let options = ProbeOptions(arguments.dropFirst())
let code =
  switch arguments.first {
  case "connect": Job.run { print("\($0.size) ranks by \($0.library)") }
  case "fold": Job.run { try foldGradients($0, options) }
  case "collectives": probeCollectives(options)
  case "fail-alone": Job.run { try failAlone($0, options) }
  case "fail-agreed": Job.run { try failAgreed($0, options) }
  case "fail-together": Job.run { _ in throw UserError(.usage, "every rank finds this", remedy: "mend it") }
  case "wait-for-signal": Job.run { try waitForSignal($0) }
  case "steps": Job.run { try goThroughSteps($0, options) }
  case "topology": Job.run { try printTopology($0) }
  default: UserError.Kind.usage.rawValue
  }
exit(code)
