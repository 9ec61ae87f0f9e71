import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite struct SafetensorsTests {
  private func sample(in folder: URL) throws -> URL {
    let url = folder.appendingPathComponent("a.safetensors")
    var writer = SafetensorsWriter(metadata: ["kind": "test"])
    writer.add("b", Tensor<Float>([1, -2.5, 3], [3]))
    writer.add("a", Tensor<Double>([0.1, 0.2, 0.3, 0.4], [2, 2]))
    writer.add("n", integers: [-100, 7], shape: [2])
    writer.add("m", bytes: [1, 0, 1], shape: [3])
    try writer.write(to: url)
    return url
  }

  @Test func writtenTensorsAreReadBack() throws {
    try withTemporaryFolder { folder in
      let file = try SafetensorsFile(contentsOf: sample(in: folder))
      #expect(file.names == ["a", "b", "m", "n"])
      #expect(file.metadata == ["kind": "test"])
      #expect(try file.tensor("b", as: Float.self).array == [1, -2.5, 3])
      #expect(try file.tensor("b", as: Double.self).array == [1, -2.5, 3])
      #expect(try file.tensor("a", as: Double.self).array == [0.1, 0.2, 0.3, 0.4])
      #expect(try file.entry("a").shape == [2, 2])
      #expect(try file.integers("n") == [-100, 7])
      #expect(try file.integers("m") == [1, 0, 1])
    }
  }

  /// A header of odd length puts the numbers at odd addresses; whole and in part they are read as exactly.
  @Test(arguments: [0, 1]) func halfWidthNumbersAreReadAtAnyAddress(padding: Int) throws {
    try withTemporaryFolder { folder in
      var header = Array("{\"x\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]}}".utf8)
      header += Array(repeating: UInt8(ascii: " "), count: header.count % 2 + padding)
      let numbers: [Float] = [1, -2.5, 0x1p-130, .infinity, -0.0, 1.0078125]
      var data = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + Data(header)
      for number in numbers {
        withUnsafeBytes(of: UInt16(number.bitPattern >> 16).littleEndian) { data.append(contentsOf: $0) }
      }
      let url = folder.appendingPathComponent("x.safetensors")
      try data.write(to: url)
      let file = try SafetensorsFile(contentsOf: url)
      #expect(try file.tensor("x", as: Float.self).array.map(\.bitPattern) == numbers.map(\.bitPattern))
      #expect(try file.tensor("x", as: Double.self).array == numbers.map(Double.init))
      let block = Tensor<Float>(zeros: [2, 2])
      try file.readBlock("x", into: block)
      #expect(block.array == [1, -2.5, .infinity, -0.0])
      #expect((try file.mapped("x") == nil) == (padding == 1))
    }
  }

  @Test func dataThatTensorsDoNotCoverAreRefused() throws {
    try withTemporaryFolder { folder in
      let url = try sample(in: folder)
      let sound = try Data(contentsOf: url)
      for (damaged, word) in [
        (sound + Data("extra".utf8), "its tensors end at byte"),
        // The first tensor a number late, over the second.
        (Self.edited(sound, "\"data_offsets\":[0,12]", "\"data_offsets\":[4,16]"), "of the data, expected"),
      ] {
        try damaged.write(to: url)
        let error = #expect(throws: UserError.self) { try SafetensorsFile(contentsOf: url) }
        #expect(error?.kind == .badInput && error?.message.contains(word) == true, "\(error?.message ?? "")")
      }
    }
  }

  /// A file with a part of its header exchanged for one as long.
  private static func edited(_ data: Data, _ old: String, _ new: String) -> Data {
    guard old.utf8.count == new.utf8.count, let range = data.range(of: Data(old.utf8)) else { return data }
    return data.replacing(data[range], with: Data(new.utf8), maxReplacements: 1)
  }

  @Test func anAbsentTensorAWrongTypeAndAMissingFileAreNamed() throws {
    try withTemporaryFolder { folder in
      let file = try SafetensorsFile(contentsOf: sample(in: folder))
      #expect { try file.tensor("zz", as: Float.self) } throws: { "\($0)".contains("no tensor named zz") }
      #expect { try file.tensor("n", as: Float.self) } throws: { "\($0)".contains("I64") }
      #expect { try file.integers("a") } throws: { "\($0)".contains("F64") }
      #expect { try SafetensorsFile(contentsOf: folder.appendingPathComponent("none")) } throws: {
        ($0 as? UserError)?.kind == .inputOutput
      }
    }
  }

  /// Opening and reading a little of a large file must not load the rest: teachers are larger than a process's share.
  @Test func filesAreMappedNotLoaded() throws {
    func residentBytes() throws -> Int {
      let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
      return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
    }
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("large.safetensors")
      let size = 1 << 30
      let header =
        "{\"a\":{\"dtype\":\"BF16\",\"shape\":[\(size / 2 - 4)],\"data_offsets\":[0,\(size - 8)]},"
        + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[\(size - 8),\(size)]}}"
      var start = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
      start.append(contentsOf: header.utf8)
      try start.write(to: url)
      let handle = try FileHandle(forWritingTo: url)
      try handle.truncate(atOffset: UInt64(start.count + size))  // sparse: takes no room on the disk
      try handle.close()
      let before = try residentBytes()
      let file = try SafetensorsFile(contentsOf: url)
      #expect(try file.tensor("b", as: Float.self).array == [0, 0])
      #expect(try residentBytes() - before < 64 << 20)
    }
  }

  /// Every truncation and many byte flips either load or throw a UserError.
  @Test func damagedFilesNeverTrap() throws {
    try withTemporaryFolder { folder in
      let bytes = try Data(contentsOf: sample(in: folder))
      let damaged = folder.appendingPathComponent("damaged.safetensors")
      func open(_ data: Data) throws -> Bool {
        try data.write(to: damaged)
        do {
          let file = try SafetensorsFile(contentsOf: damaged)
          for name in file.names { _ = try? file.tensor(name, as: Float.self) }
          return true
        } catch is UserError {
          return false
        }
      }
      for length in 0..<bytes.count { #expect(try !open(bytes.prefix(length))) }
      var random = CounterRandom(seed: 1, purpose: "flips")
      for _ in 0..<400 {
        var data = bytes
        data[random.integer(below: data.count)] ^= UInt8(1 << random.integer(below: 8))
        _ = try open(data)
      }
    }
  }

  @Test func digestsArePublishedOnes() throws {
    #expect(
      Digest.sha256(Data("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("abc")
      try Data("abc".utf8).write(to: url)
      #expect(try Digest.sha256(fileAt: url) == Digest.sha256(Data("abc".utf8)))
    }
  }
}
