import Foundation
import Tensors
import TestSupport
import Testing

@testable import Distillation

/// Every reference case, computed by an independent float64 implementation, against this one in both precisions.
@Suite struct LossCaseTests {
  struct Deviation: CustomStringConvertible {
    let file: String
    let tensor: String
    let error: Double
    let allowed: Double
    var description: String { "\(file) \(tensor): \(error) > \(allowed)" }
  }

  static let folder = "cases/losses"
  static let files: [URL] = {
    guard SharedFiles.has(folder) else { return [] }
    let all = try? FileManager.default.contentsOfDirectory(
      at: SharedFiles.url(folder), includingPropertiesForKeys: nil)
    return (all ?? []).filter { $0.pathExtension == "safetensors" }.sorted { $0.path < $1.path }
  }()

  /// |a - b| / |b| in the Euclidean norm; where the reference is 0 up to rounding, against the scale given.
  static func relativeError<Element: Scalar>(
    _ found: Tensor<Element>, _ expected: Tensor<Double>, scale: Double
  ) -> Double {
    let difference = expected.copy()
    difference.add(found.widened(), times: -1)
    let error = difference.sumOfSquares.squareRoot() / max(expected.sumOfSquares.squareRoot(), scale)
    return error.isFinite ? error : .infinity
  }

  /// Tensors a case must yield: all of its own but the padded form, the `all` variant and float32 rounding of big ones.
  static func expectedNames(_ file: SafetensorsFile) -> [String] {
    file.names.filter {
      $0.hasPrefix("out.") && !$0.contains(".padded") && !$0.hasSuffix(".all")
    }
  }

  static func deviations<Element: Scalar>(
    _ url: URL, as type: Element.Type, allowed: (LossCase, String) throws -> Double
  ) throws -> [Deviation] {
    let lossCase = try LossCase(contentsOf: url)
    let result = try lossCase.evaluate(as: Element.self)
    var failing: [Deviation] = []
    for name in expectedNames(lossCase.file) {
      let expected: Tensor<Double> = try lossCase.file.tensor(name)
      guard let found = result[name] else {
        failing.append(Deviation(file: url.lastPathComponent, tensor: name, error: .infinity, allowed: 0))
        continue
      }
      #expect(found.shape == expected.shape, "\(name)")
      let error = relativeError(found, expected, scale: 1e-6)
      let limit = try allowed(lossCase, name)
      if !(error <= limit) {
        failing.append(Deviation(file: url.lastPathComponent, tensor: name, error: error, allowed: limit))
      }
    }
    return failing
  }

  /// Potentials that the marginals do not determine in double precision: between parts of a plan that exchange a mass
  /// near rounding (same_cloud, 256x64_eps0.001) or none at all (clustered, eps 0.001: any
  /// constant serves, and plain Sinkhorn from 0 gives another one than the reference too). Plan and gradients agree.
  static let undetermined = [
    "ot_same_cloud": 5e-6, "ot_256x64_eps0.001": 2e-6, "ot_clustered_256x64_eps0.001": 2,
  ]

  static func potentialAllowance(_ lossCase: LossCase, _ name: String) -> Double {
    ["out.f", "out.g"].contains(name) ? undetermined[lossCase.file.metadata["name"] ?? ""] ?? 0 : 0
  }

  @Test(arguments: files) func doublePrecisionAgreesToNineDigits(_ url: URL) throws {
    let failing = try Self.deviations(url, as: Double.self) { lossCase, name in
      // References above 200,000 elements are stored in single precision.
      max(Self.potentialAllowance(lossCase, name), try lossCase.file.entry(name).type == "F32" ? 1e-7 : 1e-9)
    }
    #expect(failing.isEmpty, "\(failing.map(\.description).joined(separator: "\n"))")
  }

  @Test(arguments: files) func singlePrecisionAgreesAsFarAsItsInputsAllow(_ url: URL) throws {
    let failing = try Self.deviations(url, as: Float.self) { lossCase, name in
      let relative = lossCase.file.metadata["eps_rel"].flatMap(Double.init) ?? 1
      let r = max(1, 0.05 / relative)
      if name.contains("grad_full") || name.contains("grad_otfull") { return 1e-4 * r * r }
      return max(Self.potentialAllowance(lossCase, name), name.contains("grad") ? 1e-4 * r : 1e-5 * r)
    }
    #expect(failing.isEmpty, "\(failing.map(\.description).joined(separator: "\n"))")
  }
}
