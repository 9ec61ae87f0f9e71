/// The targets of the package from the ground up, and what each may build on.
///
/// A target may import those it names, and all that lies below those. Arrows point downwards only: a target names none
/// that stands below it in this list.
struct House {
  struct Target: Equatable {
    var name: String
    var mayImport: [String]

    /// C targets are called C and what they are: CCairo; Swift's Cluster and Corpus are words.
    var isInC: Bool { name.hasPrefix("C") && name.dropFirst().first?.isUppercase == true }
  }

  var targets: [Target]

  /// The house of this package.
  static let ours = House(targets: [
    Target(name: "CVectorKernels", mayImport: []),
    Target(name: "COpenBLAS", mayImport: []),
    Target(name: "COneDNN", mayImport: []),
    Target(name: "CCrypto", mayImport: []),
    Target(name: "CCairo", mayImport: []),
    Target(name: "CPNG", mayImport: []),
    Target(name: "CJPEG", mayImport: []),
    Target(name: "CZlib", mayImport: []),
    Target(name: "CImageFiles", mayImport: ["CPNG", "CJPEG"]),
    Target(name: "CMPI", mayImport: []),
    Target(name: "CMessagePassing", mayImport: ["CMPI"]),
    Target(name: "Tensors", mayImport: ["CVectorKernels", "COpenBLAS", "COneDNN", "CCrypto"]),
    Target(name: "Autograd", mayImport: ["Tensors"]),
    Target(name: "Cluster", mayImport: ["Tensors", "CMessagePassing"]),
    Target(name: "Cardiology", mayImport: ["Tensors", "CCairo", "CZlib"]),
    Target(name: "Corpus", mayImport: ["Cardiology", "Tensors", "CImageFiles"]),
    Target(name: "Models", mayImport: ["Autograd"]),
    Target(name: "Distillation", mayImport: ["Models"]),
    Target(name: "Evaluation", mayImport: ["Distillation", "Corpus", "Cluster"]),
    Target(name: "Training", mayImport: ["Distillation", "Corpus", "Cluster", "Yams"]),
    Target(name: "Reporting", mayImport: ["Training", "Evaluation", "Logging", "Mustache", "SwiftProtobuf"]),
    Target(name: "Experiments", mayImport: ["Training", "Evaluation"]),
    Target(name: "EvlDist", mayImport: ["Experiments", "Reporting", "ArgumentParser"]),
  ])

  /// Modules of the platform, open to all.
  static let platform: Set = [
    "Swift", "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "Musl", "Synchronization",
  ]

  /// Packages that come from outside; no target of ours.
  static let packages: Set = ["ArgumentParser", "Logging", "Mustache", "SwiftProtobuf", "Yams"]

  /// Where unsafe pointers are at home: memory and message passing.
  static let pointerTargets: Set = ["Tensors", "Cluster"]

  /// Single files elsewhere that wrap a C library, so that nothing above them sees a pointer.
  static let pointerFiles: Set = ["Sources/Cardiology/Drawing/CairoCanvas.swift"]

  func target(_ name: String) -> Target? { targets.first { $0.name == name } }

  /// All that the target may import: what it names and what lies below, without the platform.
  func reach(of name: String) -> Set<String> {
    var found: Set<String> = []
    var waiting = target(name)?.mayImport ?? []
    while let next = waiting.popLast() {
      if found.insert(next).inserted { waiting += target(next)?.mayImport ?? [] }
    }
    return found
  }

  /// Arrows of the table itself that point upwards or to a name that is no target and no package.
  var wrongArrows: [String] {
    var below = House.packages
    var wrong: [String] = []
    for target in targets {
      wrong += target.mayImport.filter { !below.contains($0) }.map { "\(target.name) -> \($0)" }
      below.insert(target.name)
    }
    return wrong
  }
}
