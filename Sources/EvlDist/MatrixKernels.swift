import Foundation
import Tensors

/// Chooses OpenBLAS's AVX-512 kernels where its own detection misses them.
///
/// Older releases take newer processors for Haswell and run at half speed. The variable that corrects this is read when
/// the library loads, so the program sets it and starts itself again.
enum MatrixKernels {
  static let variable = "OPENBLAS_CORETYPE"

  /// Core types of OpenBLAS that use AVX-512.
  private static let wide = ["SKYLAKEX", "COOPERLAKE", "SAPPHIRERAPIDS", "ZEN4", "ZEN5"]

  /// What the variable should be: nil when it is set already or the library's own choice is right.
  static func advice(
    flags: Set<String> = processorFlags(), chosen: String = ProductLibrary.coreType,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String? {
    guard environment[variable] == nil, !wide.contains(chosen.uppercased()) else { return nil }
    return flags.isSuperset(of: ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"]) ? "SkylakeX" : nil
  }

  static func processorFlags() -> Set<String> {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    return Set(line.split(separator: " ").map(String.init))
  }

  /// Replaces this process by itself with the variable set; returns when nothing has to change.
  static func restartWithTheRightOnes() {
    guard let type = advice() else { return }
    setenv(variable, type, 1)
    var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    execv("/proc/self/exe", &arguments)
    // Where the system refuses, the program goes on with the slower kernels; `doctor` shows them.
    unsetenv(variable)
  }
}
