import ArgumentParser
import Cardiology
import Foundation
import Tensors

struct RenderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "render", abstract: "Draws an ECG record on ECG paper, as an image.")

  @Argument(help: "WFDB record, with or without .hea, FILE.hdf5#EXAM, or synthetic:NUMBER.") var record: String
  @Option(name: [.customShort("o"), .customLong("output")], help: "PNG file to write.") var output: String
  @Option(help: "Width in pixels; 2200 is 11 inches at 200 dpi.") var width = 2200
  @Option(help: "Height in pixels.") var height = 1700

  func validate() throws {
    guard URL(fileURLWithPath: output).pathExtension.lowercased() == "png" else {
      throw ValidationError("--output ends with .png; \(output) does not")
    }
    guard (32...20_000).contains(width), (32...20_000).contains(height) else {
      throw ValidationError("width and height are from 32 to 20000 pixels")
    }
  }

  func run() throws {
    let record = try RecordSource(record).record().standardised()
    let image = try ECGRenderer().render(record, width: width, height: height)
    try image.writePNG(to: URL(fileURLWithPath: output))
    print("\(output): \(width) x \(height) pixels, \(record.name), \(record.duration) s at \(record.samplingRate) Hz")
    for comment in record.comments { print("# \(comment)") }
  }
}
