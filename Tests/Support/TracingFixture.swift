import Foundation

/// Writes HDF5 files in the form of CODE-15%: `exam_id` and contiguous `tracings` of floats, as h5py lays them out.
public enum TracingFixture {
  /// - Parameter exams: an id and its samples, [sample][lead], of one length.
  public static func bytes(_ exams: [(id: Int, samples: [[Float]])]) -> Data {
    let (samples, leads) = (exams.first?.samples.count ?? 0, exams.first?.samples.first?.count ?? 0)
    // Root header, index, its node, list of names; then a header for each data set, then the numbers.
    let (root, tree, node, heap, names, header) = (96, 136, 184, 272, 304, 336)
    let length = 16 + 8 + 32 + 8 + 24 + 8 + 24
    let numbers = header + 2 * length
    let idBytes = 8 * exams.count
    let end = numbers + idBytes + 4 * exams.count * samples * leads
    var file = Data([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0])
    file.append(words: 0, Int(-1), end, Int(-1), 0, root, 0, 0, 0)
    file.append(words: 1 | 1 << 16 | 1 << 32, 24)
    file.append(words: 0x11 | 16 << 16, tree, heap)
    file.append(Data("TREE".utf8) + [0, 0, 1, 0])
    file.append(words: Int(-1), Int(-1), 0, node, 16)
    file.append(Data("SNOD".utf8) + [1, 0, 2, 0])
    file.append(words: 8, header, 0, 0, 0, 16, header + length, 0, 0, 0)
    file.append(Data("HEAP".utf8) + [0, 0, 0, 0])
    file.append(words: 32, 1, names)
    file.append(Data(count: 8) + Data("exam_id\0tracings".utf8) + Data(count: 8))
    file.append(
      header: [exams.count], type: [0x10, 8, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0], at: numbers, idBytes)
    file.append(
      header: [exams.count, samples, leads],
      type: [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0, 0, 0, 0, 0],
      at: numbers + idBytes, end - numbers - idBytes)
    for exam in exams { file.append(words: exam.id) }
    for value in exams.flatMap({ $0.samples.flatMap { $0 } }) {
      Swift.withUnsafeBytes(of: value.bitPattern.littleEndian) { file.append(contentsOf: $0) }
    }
    return file
  }
}

extension Data {
  fileprivate mutating func append(words: Int...) {
    for word in words { Swift.withUnsafeBytes(of: Int64(word).littleEndian) { append(contentsOf: $0) } }
  }

  /// The header of a contiguous data set, as long for every rank: extent, type of number, place of the numbers.
  fileprivate mutating func append(header shape: [Int], type: [UInt8], at place: Int, _ bytes: Int) {
    let start = count
    append(words: 1 | 3 << 16 | 1 << 32, 104)
    append(words: 0x01 | 32 << 16)
    append(contentsOf: [1, UInt8(shape.count), 0, 0, 0, 0, 0, 0])
    for extent in shape { append(words: extent) }
    append(Data(count: 8 * (3 - shape.count)))
    append(words: 0x03 | 24 << 16)
    append(contentsOf: type + [UInt8](repeating: 0, count: 24 - type.count))
    append(words: 0x08 | 24 << 16)
    append(contentsOf: [3, 1])
    append(words: place, bytes)
    append(Data(count: 6))
    precondition(count - start == 120, "a header of the length that places count on")
  }
}
