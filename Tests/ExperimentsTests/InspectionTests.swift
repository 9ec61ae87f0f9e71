import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

@Suite struct InspectionTests {
  @Test(.timeLimit(.minutes(1))) func verifyNamesACheckpointThatIsALinkToNowhere() throws {
    try withTemporaryFolder { run in
      let checkpoints = run.appendingPathComponent("checkpoints")
      try FileManager.default.createDirectory(at: checkpoints, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        at: checkpoints.appendingPathComponent("step-00000005"),
        withDestinationURL: run.appendingPathComponent("gone"))
      for place in [run, checkpoints] {
        let error = #expect(throws: UserError.self) { try Inspection(place).verification() }
        #expect(error?.kind == .badInput && error?.message.contains("step-00000005 is damaged") == true)
      }
    }
  }
}
