import Autograd
import Cardiology
import Corpus
import Foundation
import Models
import Tensors
import Training

/// Small inputs that tests write for the program to read.
enum Fixtures {
  /// A built-in student with fresh weights, as a model folder.
  static func model(in folder: URL, seed: UInt64 = 3, view: String = "signal") throws {
    let blueprint = try ModelBlueprint(builtIn: .student, view: view)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try blueprint.save(try blueprint.frozen(seed: seed), to: folder)
  }

  /// The built-in student with four times as many visual tokens.
  static func modelOfMoreVisualTokens(in folder: URL) throws {
    let blueprint = try ModelBlueprint(builtIn: .student, view: "signal")
    guard var configuration = blueprint.configuration as? Idefics3Configuration else {
      throw UserError(.internalFault, "the built-in models are of the Idefics3 family")
    }
    configuration.scaleFactor = 1
    let arena = ParameterArena<Float>(layout: configuration.layout, trainable: false)
    arena.initialise(seed: 3)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try ModelFolder.save(Idefics3(configuration, arena: arena), to: folder)
    try blueprint.tokenizer.write(to: folder)
  }

  static func writeTeacherTokenizer(to folder: URL) throws { try BytePairTokenizer(.teacher).write(to: folder) }

  /// A synthetic recording in WFDB format 16; the path without ending.
  ///
  /// - Parameter invalid: marks sample 7 of lead V1 as invalid, as format 16 does: by its most negative number.
  @discardableResult
  static func record(in folder: URL, invalid: Bool = false) throws -> URL {
    let record = SyntheticECG(seed: 5).sample(0).record
    var bytes = Data()
    var sums = [Int](repeating: 0, count: record.leads.count)
    for sample in 0..<record.sampleCount {
      for lead in record.leads.indices {
        var value = Int16(max(-32_000, min(32_000, (record.signal[lead][sample] * 1000).rounded())))
        if invalid, sample == 7, record.leads[lead] == .V1 { value = .min }
        sums[lead] += Int(value)
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
    var header = "made 12 100 \(record.sampleCount)\n"
    for (lead, sum) in zip(record.leads, sums) {
      header += "made.dat 16 1000(0)/mV 16 0 0 \(Int16(truncatingIfNeeded: sum)) 0 \(lead.rawValue)\n"
    }
    try bytes.write(to: folder.appendingPathComponent("made.dat"))
    try Data(header.utf8).write(to: folder.appendingPathComponent("made.hea"))
    return folder.appendingPathComponent("made")
  }
}
