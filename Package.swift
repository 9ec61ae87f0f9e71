// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
// What its generated code was made of.
let messages = ["TensorBoard/event.proto"]

// The pkg-config name of the MPI library: "ompi-c" (Open MPI) unless EVL_MPI says otherwise ("mpich", "mpi-c").
let messagePassing = Context.environment["EVL_MPI"] ?? "ompi-c"

let system: [Target] = [
  .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
  .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
  .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CCairo", pkgConfig: "cairo", providers: [.apt(["libcairo2-dev"])]),
  .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
  .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .systemLibrary(name: "CMPI", pkgConfig: messagePassing, providers: [.apt(["libopenmpi-dev"])]),
  .target(name: "CMessagePassing", dependencies: ["CMPI"], cSettings: [.unsafeFlags(["-O2"])]),
  .target(name: "CImageFiles", dependencies: ["CPNG", "CJPEG"], cSettings: [.unsafeFlags(["-O2"])]),
  .target(
    name: "CVectorKernels",
    cSettings: [.unsafeFlags(["-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"])]),
]

// Each target names all it imports, not only what lies directly below it: what the build does not know to depend on a
// module is not compiled anew when that changes.
func layer(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let computation: [Target.Dependency] = ["Models", "Autograd", "Tensors"]
let data: [Target.Dependency] = ["Corpus", "Cardiology", "Cluster"]
let formats: [Target.Dependency] = [logging, protobuf, mustache]

let layers: [Target] = [
  layer("Tensors", ["CVectorKernels", "COpenBLAS", "COneDNN", "CCrypto"]),
  layer("Cluster", ["Tensors", "CVectorKernels", "CMessagePassing"]),
  layer("Autograd", ["Tensors"]),
  layer("Cardiology", ["Tensors", "CCairo", "CZlib"]),
  layer("Corpus", ["Cardiology", "Tensors", "CVectorKernels", "CImageFiles"], exclude: ["Resources"]),
  layer("Models", ["Autograd", "Tensors"]),
  layer("Distillation", ["Models", "Autograd", "Tensors"]),
  layer("Evaluation", ["Distillation"] + computation + data),
  layer("Training", ["Distillation"] + computation + data + [yams]),
  layer("Reporting", ["Training", "Evaluation", "Distillation"] + computation + data + formats, exclude: messages),
  layer("Experiments", ["Training", "Evaluation", "Distillation"] + computation + data),
  .executableTarget(
    name: "EvlDist",
    dependencies: ["Experiments", "Reporting", "Training", "Evaluation", "Distillation", argumentParser] + computation
      + data, swiftSettings: settings),
]

let support: Target = .target(
  name: "TestSupport", dependencies: ["Tensors"], path: "Tests/Support", swiftSettings: settings)

// Started under mpirun by the tests of Cluster.
let probe: Target = .executableTarget(
  name: "ClusterProbe", dependencies: ["Cluster"], path: "Tests/ClusterProbe", swiftSettings: settings)

// Files beside the tests that they read by path, or that made their expected values.
let besideTests = [
  "Cardiology": ["Recorded", "record_tracings.c", "record_edf.py"],
  "Corpus": [
    "Recorded", "record_images.py", "record_conversations.py", "record_written_templates.py", "check_template_order.py",
  ],
  "Models": ["Recorded", "expected_models.py", "check_original.py"],
  "Distillation": ["Recorded", "expected_methods.py"], "Evaluation": ["expected_values.py"],
  "Reporting": ["read_events.py"], "EvlDist": ["read_weights.py"],
]

// What tests need beside their layer and what that imports: programs they start under mpirun, and other layers.
let neededByTests: [String: [Target.Dependency]] = ["Cluster": ["ClusterProbe"], "Experiments": ["Reporting"]]

let tests: [Target] = layers.map { layer in
  .testTarget(
    name: layer.name + "Tests",
    dependencies: [.target(name: layer.name), "TestSupport"] + layer.dependencies + (neededByTests[layer.name] ?? []),
    exclude: besideTests[layer.name] ?? [], swiftSettings: settings)
}

// These read the package's files and run its scripts; they depend on no product of it.
let aboutTheHouse: [Target] = [
  .testTarget(name: "ArchitectureTests", swiftSettings: settings),
  .testTarget(name: "LaunchTests", dependencies: ["TestSupport", yams], swiftSettings: settings),
]

let package = Package(
  name: "evl-dist",
  products: [.executable(name: "evl-dist", targets: ["EvlDist"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.11.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
  ],
  targets: system + layers + [support, probe] + tests + aboutTheHouse
)
