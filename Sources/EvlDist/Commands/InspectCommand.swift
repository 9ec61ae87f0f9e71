import ArgumentParser
import Cardiology
import Experiments
import Foundation
import Models
import Tensors

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Says what a run, checkpoint, model or adapter folder, teacher store, data set or file holds.",
    discussion: """
      Data sets are the folders of PTB-XL and CODE-15%, and folders of WFDB records; files are WFDB records, .hdf5, \
      .edf and .safetensors. Pictures and files of conversations are not described.
      With --transport, of a run or checkpoint: draws for one ECG from which region of the teacher's image each image \
      token of the student draws its mass, in the transport plan and in the cross-attention, and says how much crosses \
      from one lead to another, with the transport term and without it.
      Exit codes: 64 a run without such a plan (no transport term, signal view), or one that cannot be compared; \
      65 damaged or missing data, no trained run; 74 a path that does not exist, or cannot be written.
      """)

  @Argument(help: "File or folder; synthetic:NUMBER for a recording of the synthetic generator.") var path: String
  @Flag(help: "Draw the transport plan and the cross-attention over an ECG.") var transport = false
  @OptionGroup(title: "With --transport") var drawing: TransportOptions

  func validate() throws {
    guard transport || !drawing.isUsed else {
      throw ValidationError("--record, --against, --records, --output and --json go with --transport")
    }
  }

  func run() throws {
    if transport { return try drawing.run(URL(fileURLWithPath: path)) }
    // Only a synthetic recording is no path; of all else the inspection knows the kinds.
    guard path.hasPrefix("synthetic:") else {
      return print(try Inspection(URL(fileURLWithPath: path)).text(), terminator: "")
    }
    print(Inspection.text(of: try RecordSource(path).record()), terminator: "")
  }
}

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Checks a checkpoint, all of a run, or a teacher store against its checksums.")

  @Argument(help: "Checkpoint, run or teacher store: its folder.") var path: String

  func run() throws { print(try Inspection(URL(fileURLWithPath: path)).verification(), terminator: "") }
}

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes the student of a run or checkpoint, or a model folder, as a Hugging Face folder.",
    discussion: """
      A student is copied, unless --type asks for another type. A checkpoint of adapters, or an adapter that PEFT saved, \
      is merged into its model. A model folder is read and written anew in the layout of transformers: so a folder of \
      the original LLaVA becomes one that transformers loads. Such a folder needs a tokenizer.json; where it has only \
      tokenizer.model, docs/models.md has the line that converts it.
      """)

  enum StoredType: String, ExpressibleByArgument, CaseIterable {
    case float32, bfloat16

    var stored: ModelFolder.StoredType { self == .float32 ? .float32 : .bfloat16 }
  }

  @Argument(help: "Folder of a run, checkpoint, adapter or model.") var source: String
  @Argument(help: "Folder to write; must not exist or be empty.") var target: String
  @Option(help: "Type of the weights.") var type: StoredType?
  @Option(
    help: "Folder of the model that adapters belong to, where it is not the one they name.",
    transform: URL.init(fileURLWithPath:))
  var base: URL?

  func run() throws {
    try ModelExport(from: URL(fileURLWithPath: source), base: base).write(
      to: URL(fileURLWithPath: target), type: type?.stored)
    print("\(target): model written")
  }
}
