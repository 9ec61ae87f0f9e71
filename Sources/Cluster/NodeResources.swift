/// What one node offers its ranks, as its first rank reads it.
public struct NodeResources: Codable, Sendable, Equatable {
  public var processors: HostProcessors
  public var hugePages: HugePages
  /// Nil where the node has no /dev/shm.
  public var sharedMemory: SharedMemorySpace?

  public init(
    processors: HostProcessors,
    hugePages: HugePages = HugePages(transparent: nil, sharedMemory: nil, sharedFolder: nil),
    sharedMemory: SharedMemorySpace? = nil
  ) {
    self.processors = processors
    self.hugePages = hugePages
    self.sharedMemory = sharedMemory
  }

  /// Those of this host.
  public static func current() -> NodeResources {
    NodeResources(processors: .current(), hugePages: .current(), sharedMemory: .current())
  }
}
