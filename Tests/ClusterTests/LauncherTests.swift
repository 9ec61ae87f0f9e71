import Foundation
import TestSupport
import Testing

@testable import Cluster

/// What the launchers' environments say.
@Suite struct LauncherTests {
  @Test func ranksOfBothLibrariesAreRead() {
    let open = Launcher(environment: [
      "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "3",
    ])
    #expect(open.rank == 3 && open.localRank == 1 && !open.isFirst)
    let mpich = Launcher(environment: ["PMI_RANK": "0", "PMI_SIZE": "4", "MPI_LOCALRANKID": "0"])
    #expect(mpich.rank == 0 && mpich.localRank == 0 && mpich.isFirst)
    let none = Launcher(environment: ["PMI_RANK": "x"])
    #expect(none.rank == nil && none.localRank == nil && none.isFirst)
  }

  @Test func ranksThatMPIDidNotJoinAreCounted() {
    func strangers(_ environment: [String: String], _ size: Int) -> Int? {
      Launcher(environment: environment).strangers(worldSize: size)
    }
    #expect(strangers(["PMI_SIZE": "4"], 1) == 4 && strangers(["OMPI_COMM_WORLD_SIZE": "2"], 1) == 2)
    #expect(strangers(["PMI_SIZE": "4"], 4) == nil && strangers(["PMI_SIZE": "1"], 1) == nil)
    #expect(strangers([:], 1) == nil)
    #expect(strangers(["OMPI_COMM_WORLD_SIZE": "4", "PMI_SIZE": "1"], 1) == nil, "one rank within a job of four")
  }

  @Test func theProxyOfMPICHIsNotTheLauncher() throws {
    try withTemporaryFolder { root in
      let texts = ["7/comm": "hydra_pmi_proxy\n", "7/status": "Name:\tx\nPPid:\t6\n", "6/comm": "mpirun\n"]
      for (path, text) in texts {
        let file = root.appendingPathComponent("proc/\(path)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
      }
      let files = SystemFiles(root: root)
      #expect(Launcher.process(above: 7, files) == 6 && Launcher.process(above: 6, files) == 6)
      #expect(Launcher.process(above: 5, files) == 5)
    }
  }

  @Test func librariesAreNamedInOneLine() {
    #expect(MessagePassing.name(of: "MPICH Version:\t4.0.2\nMPICH Release date:\tThu\n") == "MPICH 4.0.2")
    #expect(MessagePassing.name(of: "Open MPI v4.1.4, ident: 4.1.4") == "Open MPI v4.1.4, ident: 4.1.4")
  }
}
