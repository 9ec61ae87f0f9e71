import Foundation
import TestSupport
import Tensors
import Testing

@testable import Cardiology

@Suite struct ECGRendererTests {
  /// Twelve leads of one wave, 10 s unless told.
  static func record(rate: Double = 100, seconds: Double = 10, _ wave: (Lead, Double) -> Double) -> ECGRecord {
    let signal = Lead.allCases.map { lead in
      (0..<Int(rate * seconds)).map { Float(wave(lead, Double($0) / rate)) }
    }
    return ECGRecord(name: "wave", samplingRate: rate, leads: Lead.allCases, signal: signal)
  }

  /// Mean height of the black pixels of a column within rows, or nil where there are none or they form no thin line.
  static func trace(_ image: RasterImage, x: Int, rows: Range<Int>) -> Double? {
    let black = rows.filter { y in
      let (red, green, blue) = image[x, y]
      return max(red, green, blue) < 120
    }
    guard let first = black.first, let last = black.last, last - first < 8 else { return nil }
    return Double(black.reduce(0, +)) / Double(black.count) + 0.5
  }

  /// Levels that tell the leads apart, at the model's size and four times enlarged.
  @Test func anEnlargedDrawingHasEveryTraceInTheSamePlace() throws {
    let record = Self.record { lead, time in time < 5 ? 0.3 : -0.3 - 0.02 * Double(lead.rawValue.count) }
    let renderer = ECGRenderer()
    let small = try renderer.render(record, width: 256, height: 256)
    let large = try renderer.render(
      record, in: renderer.leadBoxes(width: 256, height: 256).map { $0.moved(scaleX: 4, scaleY: 4) }, side: 1024)
    #expect(large.width == 1024 && large.height == 1024)
    for box in renderer.leadBoxes(width: 256, height: 256) {
      let rows = Int(box.y) + 1..<Int(box.y + box.height) - 1
      let x = Int(box.x + box.width / 4)
      let expected = try #require(Self.trace(small, x: x, rows: rows))
      let found = try #require(Self.trace(large, x: 4 * x + 2, rows: 4 * rows.lowerBound..<4 * rows.upperBound))
      #expect(abs(found / 4 - expected) < 1, "\(box.lead)")
    }
  }

  /// The pictures of ecg-image-kit drawn from the same signals, lead by lead.
  @Test(
    .enabled(if: SharedFiles.has("data/images") && SharedFiles.has("data/ptb-xl/records500")),
    arguments: ["00002", "00003"])
  func theTracesLieWhereTheReferencePictureHasThem(name: String) throws {
    let reference = try RasterImage.readPNG(SharedFiles.url("data/images/PTB_XL_op__\(name)_hr-0.png"))
    let record = try WFDBReader.read(SharedFiles.url("data/ptb-xl/records500/00000/\(name)_hr"))
    let renderer = ECGRenderer()
    let image = try renderer.render(record, width: reference.width, height: reference.height)
    for box in renderer.leadBoxes(width: image.width, height: image.height) {
      var ours: [Double] = []
      var theirs: [Double] = []
      // The lead's name stands below its first quarter second; looking above it keeps letters out.
      let rows = Int(box.baseline - 60)..<Int(box.baseline + 34)
      for x in stride(from: Int(box.x) + 12, to: Int(box.x + box.width) - 12, by: 2) {
        guard let mine = Self.trace(image, x: x, rows: rows), let other = Self.trace(reference, x: x, rows: rows)
        else { continue }
        ours.append(mine)
        theirs.append(other)
      }
      let distance = zip(ours, theirs).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(ours.count)
      #expect(ours.count > 120, "\(box.lead)")
      #expect(distance < 1.6, "\(box.lead): \(distance) pixels apart")
      #expect(Self.correlation(ours, theirs) > 0.98, "\(box.lead)")
    }
  }

  static func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let count = Double(a.count)
    let (meanA, meanB) = (a.reduce(0, +) / count, b.reduce(0, +) / count)
    let ab = zip(a, b).reduce(0) { $0 + ($1.0 - meanA) * ($1.1 - meanB) }
    let aa = a.reduce(0) { $0 + ($1 - meanA) * ($1 - meanA) }
    let bb = b.reduce(0) { $0 + ($1 - meanB) * ($1 - meanB) }
    return ab / (aa * bb).squareRoot()
  }

  @Test func amplitudeAndTimeHaveTheScaleOfThePaper() throws {
    // Half a millivolt up for the second half of every column; the mean is then a quarter.
    let record = Self.record(rate: 500) { _, time in time.truncatingRemainder(dividingBy: 2.5) < 1.25 ? 0 : 0.5 }
    let renderer = ECGRenderer()
    let image = try renderer.render(record, width: 2200, height: 1700)
    let millimetre = 200 / 25.4
    for box in renderer.leadBoxes(width: 2200, height: 1700) where !box.isRhythmStrip {
      #expect(abs(box.width - 62.5 * millimetre) < 0.1)
      let rows = Int(box.baseline - 60)..<Int(box.baseline + 30)
      let low = try #require(Self.trace(image, x: Int(box.x + 25 * millimetre), rows: rows))
      let high = try #require(Self.trace(image, x: Int(box.x + 37.5 * millimetre), rows: rows))
      #expect(abs(low - box.baseline - 2.5 * millimetre) < 1)
      #expect(abs(box.baseline - high - 2.5 * millimetre) < 1)
    }
    // The calibration pulse before lead I: 1 mV high.
    let first = try #require(renderer.leadBoxes(width: 2200, height: 1700).first)
    let top = Int(first.baseline - 10 * millimetre)
    let pulse = try #require(Self.trace(image, x: Int(first.x - 2.5 * millimetre), rows: top - 20..<top + 20))
    #expect(abs(first.baseline - pulse - 10 * millimetre) < 1)
  }

  @Test(arguments: [(256, 256), (336, 336), (384, 384), (512, 512), (224, 300)])
  func atModelSizeTheTraceIsUnbrokenAndTheGridStaysFaint(width: Int, height: Int) throws {
    let record = Self.record { lead, time in 0.6 * sin(2 * .pi * (time + Double(lead.rawValue.count))) }
    let renderer = ECGRenderer()
    let image = try renderer.render(record, width: width, height: height)
    for box in renderer.leadBoxes(width: width, height: height) {
      let rows = max(0, Int(box.y))..<min(height, Int(box.y + box.height))
      for x in Int(box.x.rounded(.up))..<Int(box.x + box.width) - 1 {
        #expect(rows.contains { image[x, $0].green < 140 }, "\(box.lead) column \(x)")
      }
    }
    let dark = stride(from: 0, to: image.pixels.count, by: 3).filter { image.pixels[$0 + 1] < 140 }.count
    #expect(dark < width * height / 8)
  }

  @Test(arguments: [(256, 256), (512, 512), (2200, 1700), (1600, 900), (97, 41)])
  func leadBoxesLieInTheImageAndFollowOneAnotherInTime(width: Int, height: Int) {
    let boxes = ECGRenderer().leadBoxes(width: width, height: height)
    #expect(boxes.map(\.lead) == [.I, .aVR, .V1, .V4, .II, .aVL, .V2, .V5, .III, .aVF, .V3, .V6, .II])
    #expect(boxes.filter(\.isRhythmStrip).count == 1)
    for box in boxes {
      #expect(box.x >= 0 && box.y >= -0.5 && box.x + box.width <= Double(width) + 0.5)
      #expect(box.y + box.height <= Double(height) + 0.5)
    }
    for row in 0..<3 {
      for column in 1..<4 {
        let (left, right) = (boxes[row * 4 + column - 1], boxes[row * 4 + column])
        #expect(abs(left.x + left.width - right.x) < 1e-9)
        #expect(right.start == left.start + left.duration)
      }
    }
  }

  @Test func invalidSamplesLeaveAGapAndArtefactsStayOnThePaper() throws {
    var record = Self.record { _, _ in 0 }
    for index in 100..<150 { record.signal[0][index] = .nan }
    record.signal[11][900] = 31
    let image = try ECGRenderer().render(record, width: 512, height: 512)
    let box = try #require(ECGRenderer().leadBoxes(width: 512, height: 512).first)
    let scale = box.width / 2.5
    func inked(_ seconds: Double) -> Bool {
      let x = Int(box.x + seconds * scale)
      return (Int(box.baseline) - 4...Int(box.baseline) + 4).contains { image[x, $0].green < 140 }
    }
    #expect(inked(0.9) && inked(1.6) && !inked(1.25))
    #expect((0..<512).contains { image[$0, 1].green < 140 }, "the artefact reaches the upper edge")
  }

  @Test(arguments: [0.05, 1.0, 2.5, 7, 9.99, 30])
  func recordsOfAnyLengthAreDrawn(seconds: Double) throws {
    let record = Self.record(seconds: seconds) { _, time in sin(time) }
    let image = try ECGRenderer().render(record, width: 256, height: 256)
    #expect(image.pixels.contains { $0 < 100 })
  }

  @Test func aRecordTooShortForFourColumnsShowsItsEndInTheLastOnes() throws {
    let record = Self.record(seconds: 7) { _, time in sin(5 * time) }
    let renderer = ECGRenderer()
    let image = try renderer.render(record, width: 256, height: 256)
    let box = try #require(renderer.leadBoxes(width: 256, height: 256).first { $0.lead == .V6 })
    let rows = Int(box.y)..<Int(box.y + box.height)
    #expect(
      (Int(box.x) + 2..<Int(box.x + box.width) - 2).allSatisfy { x in rows.contains { image[x, $0].green < 140 } })
  }

  @Test func impossibleSizesAndMissingLeadsAreRefused() {
    let record = Self.record { _, _ in 0 }
    for (width, height) in [(0, 256), (256, -1), (1_000_000, 256)] {
      #expect(throws: UserError.self) { try ECGRenderer().render(record, width: width, height: height) }
    }
    let single = ECGRecord(name: "one", samplingRate: 100, leads: [.I], signal: [[0, 1]])
    #expect(throws: UserError.self) { try ECGRenderer().render(single, width: 256, height: 256) }
  }

  @Test func theSameRecordGivesTheSamePixels() throws {
    let record = Self.record { _, time in sin(7 * time) }
    let renderer = ECGRenderer()
    #expect(try renderer.render(record, width: 256, height: 256) == renderer.render(record, width: 256, height: 256))
  }
}
