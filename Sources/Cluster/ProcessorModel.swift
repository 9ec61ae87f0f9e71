import Foundation

/// What kind of processor a host has.
public struct ProcessorModel: Codable, Sendable, Equatable {
  /// As the kernel calls it; nil where it does not.
  public var name: String?
  /// Instruction sets that it has, of those by which kernels of matrix products are chosen.
  public var instructions: [String]

  public init(name: String?, instructions: [String]) {
    self.name = name
    self.instructions = instructions
  }

  /// Those that OpenBLAS, oneDNN and our own loops ask for.
  private static let asked = [
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni",
    "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8", "asimd", "asimdhp", "sve", "sve2",
    "bf16",
  ]

  /// That of this host. - Parameter root: "/", or a folder that stands in for it.
  public static func current(root: URL = URL(fileURLWithPath: "/")) -> ProcessorModel {
    let flags = flags(root: root)
    return ProcessorModel(
      name: SystemFiles(root: root).field("model name", of: file), instructions: asked.filter(flags.contains))
  }

  /// The kernel's flags of the first processor.
  public static func flags(root: URL = URL(fileURLWithPath: "/")) -> Set<String> {
    let files = SystemFiles(root: root)
    let line = files.field("flags", of: file) ?? files.field("Features", of: file) ?? ""
    return Set(line.split(separator: " ").map(String.init))
  }

  private static let file = "proc/cpuinfo"
}
