import Foundation
import TestSupport
import Tensors
import Testing

@testable import Cardiology

@Suite struct RasterImageTests {
  static func noise(_ width: Int, _ height: Int) -> RasterImage {
    var random = CounterRandom(seed: 2, purpose: "noise")
    return RasterImage(
      width: width, height: height,
      pixels: (0..<width * height * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) })
  }

  @Test(arguments: [(1, 1), (3, 2), (17, 31)])
  func aPictureSurvivesThePNGFile(width: Int, height: Int) throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.png")
      let image = Self.noise(width, height)
      try image.writePNG(to: file)
      #expect(try RasterImage.readPNG(file) == image)
    }
  }

  @Test func aPictureThatCannotBeWrittenIsAnError() throws {
    try withTemporaryFolder { folder in
      do {
        try Self.noise(2, 2).writePNG(to: folder.appendingPathComponent("none/a.png"))
        Issue.record("no error")
      } catch let error as UserError {
        #expect(error.kind == .inputOutput && error.message.contains("none/a.png"))
      }
    }
  }

  @Test func missingForeignAndHugePicturesAreRefused() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.png")
      #expect(throws: UserError.self) { try RasterImage.readPNG(file) }
      #expect(throws: UserError.self) { try RasterImage.readPNG(folder) }
      try Data("GIF89a and no picture at all".utf8).write(to: file)
      #expect(throws: UserError.self) { try RasterImage.readPNG(file) }
      // A header that announces 65536 x 65536 pixels.
      try Data([0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 1, 0, 0, 0, 1, 0, 0])
        .write(to: file)
      #expect(throws: UserError.self) { try RasterImage.readPNG(file) }
    }
  }

  @Test func damagedPicturesNeverTrap() throws {
    var random = CounterRandom(seed: 6, purpose: "fuzz")
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("a.png")
      try Self.noise(9, 7).writePNG(to: file)
      let sound = [UInt8](try Data(contentsOf: file))
      for _ in 0..<300 {
        var bytes = sound
        for _ in 0...random.integer(below: 3) {
          bytes[random.integer(below: bytes.count)] = UInt8(truncatingIfNeeded: random.next())
        }
        if random.integer(below: 3) == 0 { bytes.removeLast(random.integer(below: bytes.count)) }
        try Data(bytes).write(to: file)
        do { _ = try RasterImage.readPNG(file) } catch is UserError {}
      }
    }
  }
}
