import Foundation
import Tensors
import TestSupport
import Testing

@testable import Cluster

/// Segments and session folders of dead jobs, in folders that stand in for /dev/shm and /tmp.
@Suite struct LeftoversTests {
  private func withPlaces(_ body: (Leftovers.Places) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let shared = folder.appendingPathComponent("shm")
      let session = folder.appendingPathComponent("ompi.node7.\(geteuid())/pid.123/1/0")
      for made in [shared, session] {
        try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
      }
      for name in ["vader_segment.node7.0.abc.0", "evl-dist-123-4", "someone-elses"] {
        try Data(count: 4096).write(to: shared.appendingPathComponent(name))
      }
      let job = session.deletingLastPathComponent().deletingLastPathComponent()
      try Data("mapped".utf8).write(to: job.appendingPathComponent("hwloc.sm"))
      try body(Leftovers.Places(sharedMemory: shared, temporary: folder, host: "node7.cluster", age: 0))
    }
  }

  private func exists(_ places: Leftovers.Places, _ name: String) -> Bool {
    FileManager.default.fileExists(atPath: places.sharedMemory.appendingPathComponent(name).path)
  }

  @Test func whatNobodyHasOpenGoesAndNothingElse() throws {
    try withPlaces { places in
      let removed = Leftovers.remove(in: places)
      #expect(removed.segments == ["evl-dist-123-4", "vader_segment.node7.0.abc.0"])
      #expect(removed.folders.map { URL(fileURLWithPath: $0).lastPathComponent } == ["pid.123"])
      #expect(removed.note?.contains("2 segments") == true)
      #expect(exists(places, "someone-elses"))
      #expect(Leftovers.remove(in: places).note == nil)
    }
  }

  @Test func aSegmentThatIsOpenOrMappedStays() throws {
    try withPlaces { places in
      let open = Foundation.open(places.sharedMemory.appendingPathComponent("evl-dist-123-4").path, O_RDONLY)
      let mapped = Foundation.open(
        places.sharedMemory.appendingPathComponent("vader_segment.node7.0.abc.0").path, O_RDWR)
      let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0)
      close(mapped)
      #expect(Leftovers.remove(in: places).segments.isEmpty)
      close(open)
      munmap(memory, 4096)
      #expect(Leftovers.remove(in: places).segments.count == 2)
    }
  }

  @Test func aSessionWithAFileInUseOrYoungOrOfAnotherHostStays() throws {
    try withPlaces { places in
      let file = places.temporary.appendingPathComponent("ompi.node7.\(geteuid())/pid.123/hwloc.sm").path
      let open = Foundation.open(file, O_RDWR)
      #expect(Leftovers.remove(in: places).folders.isEmpty)
      close(open)
      var young = places
      young.age = 60
      #expect(Leftovers.remove(in: young).folders.isEmpty)
      var other = places
      other.host = "node8"
      #expect(Leftovers.remove(in: other).folders.isEmpty)
      #expect(Leftovers.remove(in: places).folders.count == 1)
    }
  }

  @Test func onlyTheFirstRankOfAHostLooks() {
    #expect(Leftovers.remove(environment: ["OMPI_COMM_WORLD_LOCAL_RANK": "1"]) == Leftovers())
  }
}
