import Cardiology
import Foundation
import TestSupport
import Tensors
import Testing

@testable import Corpus

@Suite struct ImageFileTests {
  private func bytes(_ file: RecordedImages.File) throws -> [UInt8] {
    [UInt8](try #require(Data(base64Encoded: file.file)))
  }

  @Test func everyKindOfFileGivesPillowsBytes() throws {
    let files = try RecordedImages.load().files
    #expect(files.count > 40)
    for file in files {
      let image = try ImageFile.decode(bytes(file), name: file.name)
      #expect(image.width == file.width && image.height == file.height, "\(file.name)")
      #expect(Array(image.pixels.prefix(12)) == file.first, "\(file.name)")
      #expect(image.digest == file.sha256, "\(file.name)")
    }
  }

  @Test func theContentTellsTheKindNotTheName() throws {
    let files = try RecordedImages.load().files
    let jpeg = try #require(files.first { $0.name.hasPrefix("jpeg") })
    try withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("picture.png")
      try Data(bytes(jpeg)).write(to: path)
      #expect(try ImageFile.read(path).digest == jpeg.sha256)
    }
  }

  @Test func everyTruncationIsAnErrorThatNamesTheFile() throws {
    for file in try RecordedImages.load().files {
      let whole = try bytes(file)
      for count in stride(from: 0, to: whole.count - 2, by: 7) {
        let error = #expect(throws: UserError.self, "\(file.name) cut at \(count)") {
          try ImageFile.decode(Array(whole[..<count]), name: "cut.png")
        }
        #expect(error?.kind == .badInput && error?.message.hasPrefix("cut.png: ") == true)
      }
    }
  }

  @Test func damagedFilesGiveAPictureOrAnError() throws {
    var random = CounterRandom(seed: 11, purpose: "fuzz")
    var refused = 0
    for file in try RecordedImages.load().files {
      let whole = try bytes(file)
      for _ in 0..<150 {
        var damaged = whole
        for _ in 0...random.integer(below: 4) {
          damaged[random.integer(below: damaged.count)] ^= 1 << UInt8(random.integer(below: 8))
        }
        do {
          let image = try ImageFile.decode(damaged, name: "damaged")
          #expect(image.pixels.count == image.width * image.height * 3)
        } catch let error as UserError {
          #expect(error.message.hasPrefix("damaged: "))
          refused += 1
        }
      }
    }
    #expect(refused > 1_000)
  }

  @Test func hugePicturesAreRefusedBeforeTheirPixelsAreMade() throws {
    // A PNG header of 60000 x 60000 pixels, with its checksum, and nothing behind it.
    var head: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]
    let body: [UInt8] = [0x49, 0x48, 0x44, 0x52, 0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60, 8, 2, 0, 0, 0]
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in body {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ crc >> 1 : crc >> 1 }
    }
    head += body + (0..<4).map { UInt8(truncatingIfNeeded: ~crc >> UInt32(24 - 8 * $0)) }
    head += [0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54, 0x35, 0xAF, 0x06, 0x1E]
    let error = #expect(throws: UserError.self) { try ImageFile.decode(head, name: "bomb.png") }
    #expect(error?.message.contains("60000 x 60000") == true && error?.remedy.contains("100 million") == true)
  }

  @Test(arguments: [
    ("GIF89a......", "GIF"), ("BM......", "BMP"), ("%PDF-1.7", "PDF"), ("version https://git-lfs.github", "LFS"),
    ("hello", "unknown"), ("", "empty"),
  ])
  func otherFilesAreNamed(text: String, word: String) {
    let error = #expect(throws: UserError.self) { try ImageFile.decode(Array(text.utf8), name: "x.png") }
    #expect(error?.kind == .badInput && error?.message.contains(word) == true)
  }

  @Test func missingFilesAndFoldersAreErrors() throws {
    try withTemporaryFolder { folder in
      let missing = #expect(throws: UserError.self) { try ImageFile.read(folder.appendingPathComponent("none.png")) }
      #expect(missing?.kind == .inputOutput && missing?.message.contains("none.png") == true)
      #expect(throws: UserError.self) { try ImageFile.read(folder) }
    }
  }

  @Test(.enabled(if: SharedFiles.has("data/images")))
  func scansAndRenderingsAreRead() throws {
    for (name, width, height) in [
      ("PTB_XL_op__00002_hr-0.png", 2200, 1700), ("PTB_XL_op__00003_hr-0.png", 2200, 1700),
    ] {
      let image = try ImageFile.read(SharedFiles.url("data/images/\(name)"))
      #expect(image.width == width && image.height == height)
    }
    for name in ["ecg-images__ecg00001.png", "ecg-images__ecg00008.jpg"] {
      let image = try ImageFile.read(SharedFiles.url("data/images/\(name)"))
      #expect(Set(image.pixels).count > 20)
    }
  }
}

@Suite struct ImageResizingTests {
  @Test func resizedPicturesHavePillowsBytes() throws {
    let cases = try RecordedImages.load().resizes
    #expect(Set(cases.map(\.filter)) == Set(0...5))
    for made in cases {
      let filter = try #require(ResamplingFilter(rawValue: made.filter))
      let image = RasterImage.picture(width: made.width, height: made.height, seed: made.seed)
        .resized(width: made.new_width, height: made.new_height, filter: filter)
      #expect(image.digest == made.sha256, "\(made)")
    }
  }

  @Test(arguments: ResamplingFilter.allCases)
  func oneColourStaysThatColour(filter: ResamplingFilter) {
    let flat = RasterImage(width: 37, height: 23, pixels: (0..<37 * 23).flatMap { _ in [9, 200, 255] })
    for (width, height) in [(5, 80), (90, 4), (37, 11)] {
      let image = flat.resized(width: width, height: height, filter: filter)
      #expect(image.pixels == (0..<width * height).flatMap { _ in [9, 200, 255] as [UInt8] })
    }
  }

  @Test func weightsSumToOne() {
    for filter in ResamplingFilter.allCases where filter != .nearest {
      for (old, new) in [(7, 3), (3, 7), (1000, 13), (5, 5), (1, 9)] {
        let kernel = ResamplingKernel(filter, from: old, to: new)
        for pixel in 0..<new {
          let sum = kernel.weights[pixel * kernel.reach..<(pixel + 1) * kernel.reach].reduce(0) { $0 + Int($1) }
          #expect(abs(sum - 1 << 22) < 40)
          #expect(kernel.first[pixel] >= 0 && Int(kernel.first[pixel] + kernel.count[pixel]) <= old)
        }
      }
    }
  }

  /// First bytes tell a picture and a header a record; neither a folder, a pipe nor a missing file is opened.
  @Test func whatAFileShowsIsToldByItsContents() throws {
    try withTemporaryFolder { folder in
      func write(_ name: String, _ bytes: [UInt8]) throws -> URL {
        let file = folder.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file
      }
      let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0]
      #expect(ImageFile.kind(of: try write("a.dat", jpeg)) == .jpeg)
      #expect(ImageFile.kind(of: try write("b", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0])) == .png)
      #expect(ImageFile.kind(of: try write("c.png", Array("GIF89a".utf8))) == nil)
      #expect(ImageFile.kind(of: try write("d.jpg", [])) == nil)
      #expect(ImageFile.kind(of: folder) == nil)
      #expect(ImageFile.kind(of: folder.appendingPathComponent("none.png")) == nil)
      #expect(mkfifo(folder.appendingPathComponent("pipe.png").path, 0o600) == 0)
      #expect(ImageFile.kind(of: folder.appendingPathComponent("pipe.png")) == nil)
      let (data, bare) = (folder.appendingPathComponent("a.dat"), folder.appendingPathComponent("a"))
      #expect(ShownFile(data) == .picture(data) && ShownFile(bare) == nil)
      let header = try write("a.hea", [])
      for file in [data, bare, header] { #expect(ShownFile(file) == .record(bare)) }
    }
  }
}
