import Foundation
import Tensors

/// What one node offers its ranks, as its first rank reads it.
public struct NodeResources: Codable, Sendable, Equatable {
  public var processors: HostProcessors
  public var hugePages: HugePages
  /// Nil where the node has no /dev/shm.
  public var sharedMemory: SharedMemorySpace?
  public var model: ProcessorModel
  /// Kernels of matrix products that its first rank runs (`ProductLibrary.kernels`).
  public var kernels: String
  /// Nil where the kernel does not tell.
  public var memory: MemoryLimits?
  /// Release of the operating system's kernel.
  public var system: String

  public init(
    processors: HostProcessors,
    hugePages: HugePages = HugePages(transparent: nil, sharedMemory: nil, sharedFolder: nil),
    sharedMemory: SharedMemorySpace? = nil, model: ProcessorModel = ProcessorModel(name: nil, instructions: []),
    kernels: String = "", memory: MemoryLimits? = nil, system: String = ""
  ) {
    self.processors = processors
    self.hugePages = hugePages
    self.sharedMemory = sharedMemory
    self.model = model
    self.kernels = kernels
    self.memory = memory
    self.system = system
  }

  /// Those of this host.
  public static func current() -> NodeResources {
    let files = SystemFiles(root: URL(fileURLWithPath: "/"))
    return NodeResources(
      processors: .current(), hugePages: .current(), sharedMemory: .current(), model: .current(),
      kernels: ProductLibrary.kernels, memory: HostMemory().limits,
      system: files.text("proc/sys/kernel/osrelease") ?? "")
  }
}
