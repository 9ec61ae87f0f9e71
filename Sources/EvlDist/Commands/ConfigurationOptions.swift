import ArgumentParser
import Experiments
import Foundation
import Training

/// The options by which every command that needs a configuration is told one.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help: "YAML file; without it the built-in quick start. A section ablation is for `ablate` alone and left out here.")
  var file: String?

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Overrides one value, after the file; may be repeated.", valueName: "section.key=value"))
  var assignments: [String] = []

  func resolved() throws -> ResolvedConfiguration {
    try ConfigurationLoader().load(
      file: url, assignments: assignments, leavingOut: AblationConfiguration.section)
  }

  /// The configuration as it stands, with values that a run would refuse.
  func merged() throws -> ResolvedConfiguration {
    try ConfigurationLoader().merge(
      file: url, assignments: assignments, leavingOut: AblationConfiguration.section)
  }

  private var url: URL? { file.map { URL(fileURLWithPath: $0) } }
}
