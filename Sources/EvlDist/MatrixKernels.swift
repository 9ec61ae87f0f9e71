import Cluster
import Foundation
import Tensors

/// Settings of the product libraries that are read when they load: the program sets them and starts itself again.
///
/// - OpenBLAS's AVX-512 kernels, where its own detection misses them: older releases take newer processors for Haswell
///   and run at half speed.
/// - OpenMP's threads sleep while they wait: by default they spin, on cores that other ranks need.
///
/// What the user has set stands.
enum MatrixKernels {
  static let variable = "OPENBLAS_CORETYPE"
  static let waitVariable = "OMP_WAIT_POLICY"

  /// Core types of OpenBLAS that use AVX-512.
  private static let wide = ["SKYLAKEX", "COOPERLAKE", "SAPPHIRERAPIDS", "ZEN4", "ZEN5"]

  /// The variables to set; empty when all are set already or right by themselves.
  static func advice(
    flags: Set<String> = ProcessorModel.flags(), chosen: String = ProductLibrary.coreType,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> [String: String] {
    var advice: [String: String] = [:]
    let hasWideVectors = flags.isSuperset(of: ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"])
    if environment[variable] == nil, !wide.contains(chosen.uppercased()), hasWideVectors {
      advice[variable] = "SkylakeX"
    }
    // Whoever tells how long to spin has chosen too.
    if environment[waitVariable] == nil, environment["GOMP_SPINCOUNT"] == nil { advice[waitVariable] = "passive" }
    return advice
  }

  /// Replaces this process by itself with the variables set; returns when nothing has to change.
  ///
  /// - Parameter arguments: of this process.
  static func restart(with arguments: [String]) {
    let advice = advice()
    guard !advice.isEmpty else { return }
    for (name, value) in advice { setenv(name, value, 1) }
    var arguments = arguments.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    execv("/proc/self/exe", &arguments)
    // Where the system refuses, the program goes on with the slower kernels; `doctor` shows them.
    for name in advice.keys { unsetenv(name) }
  }
}
