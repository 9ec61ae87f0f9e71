import ArgumentParser
import Training

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Prints the resolved configuration with the origin of each value.")

  @OptionGroup var options: ConfigurationOptions
  @Flag(help: "Plain YAML that --config reads again.") var yaml = false

  func run() throws {
    let resolved = try options.merged()
    if yaml { print(try resolved.yaml(), terminator: "") } else { try printListing(of: resolved) }
    try resolved.validate()
  }

  private func printListing(of resolved: ResolvedConfiguration) throws {
    let rows = try resolved.listing()
    let width = rows.map(\.key.count).max() ?? 0
    let valueWidth = min(40, rows.map(\.value.count).max() ?? 0)
    for row in rows {
      let key = row.key.padding(toLength: width, withPad: " ", startingAt: 0)
      let value =
        row.value.count < valueWidth ? row.value.padding(toLength: valueWidth, withPad: " ", startingAt: 0) : row.value
      print("\(key)  \(value)  \(row.origin)")
    }
  }
}
