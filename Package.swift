// swift-tools-version: 6.1
import Foundation
import PackageDescription

// The layers of the house; an arrow may only point to a target listed above its own.
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

// The pkg-config name of the MPI library: "ompi-c" (Open MPI) unless EVL_MPI says otherwise ("mpich", "mpi-c").
let messagePassing = Context.environment["EVL_MPI"] ?? "ompi-c"

let system: [Target] = [
  .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
  .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CCairo", pkgConfig: "cairo", providers: [.apt(["libcairo2-dev"])]),
  .systemLibrary(name: "CMPI", pkgConfig: messagePassing, providers: [.apt(["libopenmpi-dev"])]),
  .target(name: "CMessagePassing", dependencies: ["CMPI"], cSettings: [.unsafeFlags(["-O2"])]),
  .target(
    name: "CVectorKernels",
    cSettings: [.unsafeFlags(["-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"])]),
]

func layer(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let layers: [Target] = [
  layer("Tensors", ["CVectorKernels", "COpenBLAS", "CCrypto"]),
  layer("Cluster", ["Tensors", "CVectorKernels", "CMessagePassing"]),
  layer("Autograd", ["Tensors"]),
  layer("Cardiology", ["Tensors", "CCairo"]),
  layer("Corpus", ["Cardiology", "Tensors"], exclude: ["Resources"]),
  layer("Models", ["Autograd"]),
  layer("Distillation", ["Models", "Autograd"]),
  layer("Evaluation", ["Distillation", "Corpus", "Cluster"]),
  layer("Training", ["Distillation", "Corpus", "Cluster", yams, logging]),
  layer("Reporting", ["Training", "Evaluation"]),
  layer("Experiments", ["Training", "Evaluation"]),
  .executableTarget(
    name: "EvlDist", dependencies: ["Experiments", "Reporting", argumentParser], swiftSettings: settings),
]

let support: Target = .target(
  name: "TestSupport", dependencies: ["Tensors"], path: "Tests/Support", swiftSettings: settings)

// Started under mpirun by the tests of Cluster.
let probe: Target = .executableTarget(
  name: "ClusterProbe", dependencies: ["Cluster"], path: "Tests/ClusterProbe", swiftSettings: settings)

// Files beside the tests that they read by path, or that made their expected values.
let besideTests = ["Corpus": ["Recorded"], "Evaluation": ["expected_values.py"]]

let tests: [Target] = layers.map { layer in
  .testTarget(
    name: layer.name + "Tests",
    dependencies: [.target(name: layer.name), "TestSupport"] + (layer.name == "Cluster" ? ["ClusterProbe"] : []),
    exclude: besideTests[layer.name] ?? [], swiftSettings: settings)
}

// These read the package's files and run its scripts; they depend on no product.
let aboutTheHouse: [Target] = [
  .testTarget(name: "ArchitectureTests", swiftSettings: settings),
  .testTarget(name: "LaunchTests", dependencies: ["TestSupport"], swiftSettings: settings),
]

// Bootstrap: targets whose folder does not exist yet are left out.
let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
func exists(_ target: Target) -> Bool {
  let path = target.path ?? (target.type == .test ? "Tests/" : "Sources/") + target.name
  return FileManager.default.fileExists(atPath: here.appendingPathComponent(path).path)
}

let present = (system + layers + [support, probe] + tests + aboutTheHouse).filter(exists)
let absent = Set((system + layers + [support, probe]).filter { !exists($0) }.map(\.name))
for target in present {
  target.dependencies.removeAll { dependency in
    switch dependency {
    case .byNameItem(let name, _), .targetItem(let name, _): absent.contains(name)
    default: false
    }
  }
}

let package = Package(
  name: "evl-dist",
  products: [.executable(name: "evl-dist", targets: ["EvlDist"])].filter { _ in exists(layers[11]) },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: present
)
