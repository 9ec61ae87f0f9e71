import Cardiology
import Foundation
import Tensors
import Testing

@testable import Corpus

@Suite struct SignalViewTests {
  @Test(arguments: [(128, 8, 1), (128, 8, 2), (64, 4, 4), (224, 14, 2), (80, 5, 4), (96, 6, 4)])
  func unpackingGivesTheWindowsBack(image: Int, patch: Int, block: Int) throws {
    let view = try SignalView(
      imageSize: image, patchSize: patch, blockSide: block, scale: SignalScale(unit: 0.5, limit: 10))
    let record = ECGRecord.random(seed: 1)
    let windows = view.windows(of: try view.pixelValues(of: record))
    let baselines = record.signal.map(\.median)
    #expect(windows.count == view.windowCount)
    for (index, window) in windows.enumerated() {
      let start = view.start(ofWindow: index)
      for (lead, values) in window.enumerated() {
        let baseline = baselines[lead]
        let expected = record.signal[lead][start..<start + view.windowSamples].map { ($0 - baseline) / 0.5 }
        #expect(values == expected)
      }
    }
  }

  @Test func placesFollowTheDocumentedFormula() throws {
    let view = try SignalView(imageSize: 16, patchSize: 8, blockSide: 1, scale: SignalScale(unit: 1, limit: 10))
    let record = ECGRecord.random(seed: 4)
    let pixels = try view.pixelValues(of: record)
    for (window, lead, sample) in [(0, 0, 0), (1, 5, 7), (2, 11, 15), (3, 4, 0)] {
      let place = lead * 16 + sample
      let (channel, within) = (place / 64, place % 64)
      let (row, column) = (window / 2 * 8 + within / 8, window % 2 * 8 + within % 8)
      let value = record.signal[lead][view.start(ofWindow: window) + sample] - record.signal[lead].median
      #expect(pixels[(channel * 16 + row) * 16 + column] == value)
    }
  }

  @Test func windowsCoverTheWholeRecordInOrder() throws {
    let view = try SignalView(imageSize: 128, patchSize: 8, blockSide: 2)
    #expect(view.windowSamples == 16)
    #expect(view.windowCount == 256)
    let starts = (0..<256).map { view.start(ofWindow: $0) }
    #expect(starts.first == 0 && starts.last == 1000 - 16)
    #expect(zip(starts, starts.dropFirst()).allSatisfy { (3...4).contains($1 - $0) })
  }

  @Test func aConnectorBlockHoldsConsecutiveWindows() throws {
    let s = 4
    let view = try SignalView(imageSize: 128, patchSize: 8, blockSide: s)
    var windowAt: [Int: Int] = [:]
    for window in 0..<256 {
      let (row, column) = view.cell(ofWindow: window)
      windowAt[row * 16 + column] = window
    }
    #expect(windowAt.count == 256)
    // Pixel shuffle joins cells (I s + a, J s + b) into token I (16 / s) + J.
    for token in 0..<16 {
      let (i, j) = (token / 4, token % 4)
      let joined = (0..<s * s).map { windowAt[(i * s + $0 / s) * 16 + j * s + $0 % s] }
      #expect(joined == (token * s * s..<(token + 1) * s * s).map { $0 })
    }
  }

  @Test func artefactsAreClipped() throws {
    var record = ECGRecord.random(seed: 2)
    record.signal[5][100] = 31
    let view = try SignalView(imageSize: 128, patchSize: 8, blockSide: 1)
    let pixels = try view.pixelValues(of: record)
    #expect(pixels.max() == 20)
    #expect(pixels.allSatisfy { abs($0) <= 20 })
  }

  @Test func aRecordFlatInAllLeadsIsRefused() throws {
    var record = ECGRecord.random(seed: 2)
    record.signal = record.signal.map { _ in Array(repeating: 0.3, count: 1000) }
    let view = try SignalView(imageSize: 128, patchSize: 8, blockSide: 1)
    #expect(throws: UserError.self) { try view.pixelValues(of: record) }
  }

  @Test func impossibleGeometryIsRefused() {
    for (image, patch, block) in [(100, 8, 1), (128, 8, 3), (128, 1, 1), (4, 8, 1), (640, 64, 1), (128, 8, 0)] {
      #expect(throws: UserError.self) { try SignalView(imageSize: image, patchSize: patch, blockSide: block) }
    }
  }
}

@Suite struct LeadViewTests {
  @Test(arguments: [(128, 8, 1), (128, 8, 2), (512, 16, 4), (256, 16, 2), (64, 8, 1)])
  func everyCellHoldsAWindowOfOneLead(image: Int, patch: Int, block: Int) throws {
    let view = try LeadView(
      imageSize: image, patchSize: patch, blockSide: block, scale: SignalScale(unit: 0.5, limit: 10))
    let record = ECGRecord.random(seed: 1)
    let pixels = try view.pixelValues(of: record)
    let boxes = try #require(view.leadBoxes)
    let area = patch * patch
    #expect(Set(view.windows.map { $0.y * image + $0.x }).count == (image / patch) * (image / patch))
    for window in view.windows {
      let lead = try #require(Lead.allCases.firstIndex(of: window.lead))
      let signal = record.signal[lead]
      for sample in [0, 1, patch, area, 2 * area + 3, 3 * area - 1] {
        let (channel, within) = (sample / area, sample % area)
        let place = (channel * image + window.y + within / patch) * image + window.x + within % patch
        #expect(pixels[place] == (signal[window.start + sample] - signal.median) / 0.5)
      }
      let box = boxes.first {
        Double(window.x) >= $0.x && Double(window.x + patch) <= $0.x + $0.width && Double(window.y) >= $0.y
          && Double(window.y + patch) <= $0.y + $0.height
      }
      #expect(box?.lead == window.lead)
    }
  }

  @Test func everyStripCoversTheRecordInOrderOfTimeAndPlace() throws {
    let view = try LeadView(imageSize: 128, patchSize: 8, blockSide: 2)
    #expect(view.windowSamples == 192)
    for box in try #require(view.leadBoxes) {
      #expect(box.start == 0 && box.duration == 10)
      let strip = view.windows.filter {
        $0.y / 16 == Int(box.y) / 16 && Double($0.x) >= box.x && Double($0.x) < box.x + box.width
      }
      let count = box.isRhythmStrip ? 32 : 16
      #expect(strip.count == count && strip.allSatisfy { $0.lead == box.lead })
      #expect(strip.first?.start == 0 && strip.last?.start == 1000 - 192)
      for (one, next) in zip(strip, strip.dropFirst()) {
        #expect(abs(Double(next.start - one.start) - 808 / Double(count - 1)) <= 1)
        // From token to token of a student, whose tokens are 16 pixels wide.
        #expect(next.x / 16 >= one.x / 16)
      }
    }
  }

  @Test func anotherLeadChangesNoOtherPlace() throws {
    let view = try LeadView(imageSize: 128, patchSize: 8, blockSide: 2)
    let record = ECGRecord.random(seed: 1)
    var changed = record
    changed.signal[3] = changed.signal[3].map { $0 + ($0 > 0 ? 0.1 : -0.1) }
    let (one, other) = (try view.pixelValues(of: record), try view.pixelValues(of: changed))
    let box = try #require(view.leadBoxes?.first { $0.lead == .aVR })
    for place in one.indices where one[place] != other[place] {
      let (x, y) = (Double(place % 128), Double(place / 128 % 128))
      #expect(x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height)
    }
    #expect(one != other)
  }

  @Test func impossibleGeometryIsRefused() {
    for (image, patch, block) in [
      (100, 4, 1), (128, 8, 3), (128, 8, 4), (8, 2, 1), (256, 32, 1), (128, 0, 1), (128, 8, 0),
    ] {
      let refused = #expect(throws: UserError.self) {
        try LeadView(imageSize: image, patchSize: patch, blockSide: block)
      }
      #expect(refused?.kind == .usage && refused?.message.contains("view of single leads") == true)
    }
  }
}

@Suite struct ConditioningTests {
  @Test func theMedianIsTheMiddleOfTheSortedValues() {
    for sample in 0..<300 {
      var random = CounterRandom(seed: 8, purpose: "median", sample: UInt64(sample))
      let reach = [2, 5, 1000][sample % 3]
      let values = (0..<1 + random.integer(below: 40)).map { _ in Float(random.integer(below: reach)) }
      #expect(values.median == values.sorted()[(values.count - 1) / 2])
    }
    #expect([Float]().median == 0)
  }

  @Test func longRecordsAreCutAndShortOnesContinued() throws {
    let long = ECGRecord.random(seed: 1, count: 1500)
    #expect(try long.conditioned().signal[3] == Array(long.signal[3][..<1000]))
    let short = ECGRecord.random(seed: 1, count: 300)
    let padded = try short.conditioned()
    #expect(padded.sampleCount == 1000)
    #expect(padded.signal[3][300...].allSatisfy { $0 == short.signal[3].median })
  }

  @Test func otherRatesAreResampled() throws {
    let record = try ECGRecord.random(seed: 1, count: 5000, rate: 500).conditioned()
    #expect(record.samplingRate == 100)
    #expect(record.sampleCount == 1000)
  }

  @Test func samplesThatAreNoNumbersAreRefused() {
    var record = ECGRecord.random(seed: 1)
    record.signal[4][77] = .nan
    let error = #expect(throws: UserError.self) { try record.conditioned() }
    #expect(error?.message.contains("aVL") == true)
    #expect(error?.message.contains("77") == true)
  }
}

@Suite struct AugmentationTests {
  private let all = Augmentation(shift: 2, gain: 0.2, leadGain: 0.1, noise: 0.02, leadDropout: 0.3)

  @Test func changesAreAFunctionOfTheirKey() {
    let record = ECGRecord.random(seed: 1)
    func signal(_ seed: UInt64, _ epoch: Int, _ sample: Int) -> [[Float]] {
      all.apply(to: record, seed: seed, epoch: epoch, sample: sample).signal
    }
    #expect(signal(1, 2, 3) == signal(1, 2, 3))
    #expect(signal(1, 2, 3) != signal(2, 2, 3))
    #expect(signal(1, 2, 3) != signal(1, 3, 3))
    #expect(signal(1, 2, 3) != signal(1, 2, 4))
  }

  @Test func noneLeavesTheRecordAlone() {
    let record = ECGRecord.random(seed: 1)
    #expect(Augmentation.none.apply(to: record, seed: 1, epoch: 0, sample: 0).signal == record.signal)
  }

  @Test func shiftsAreCircularAndBounded() {
    let record = ECGRecord.random(seed: 1)
    let shifting = Augmentation(shift: 0.5, gain: 0, leadGain: 0, noise: 0)
    let around = record.signal[0] + record.signal[0] + record.signal[0]
    var seen: Set<Int> = []
    for epoch in 0..<200 {
      let lead = shifting.apply(to: record, seed: 1, epoch: epoch, sample: 0).signal[0]
      let offset = (-50...50).first { Array(lead[..<900]) == Array((around)[1000 + $0..<1900 + $0]) }
      #expect(offset != nil)
      seen.insert(offset ?? 0)
    }
    #expect(seen.count > 60)
  }

  @Test func gainsStayInTheirRange() {
    let record = ECGRecord.random(seed: 1)
    let scaling = Augmentation(shift: 0, gain: 0.2, leadGain: 0, noise: 0)
    for epoch in 0..<10 {
      let changed = scaling.apply(to: record, seed: 1, epoch: epoch, sample: 0)
      let gains = zip(changed.signal, record.signal).flatMap { zip($0, $1).filter { $1 != 0 }.map { $0 / $1 } }
      #expect(gains.allSatisfy { $0 > 0.799 && $0 < 1.201 })
      #expect((gains.max() ?? 0) - (gains.min() ?? 0) < 1e-3)
    }
  }

  @Test func noiseHasTheStatedDeviation() {
    let record = ECGRecord.random(seed: 1)
    let noisy = Augmentation(shift: 0, gain: 0, leadGain: 0, noise: 0.05)
      .apply(to: record, seed: 1, epoch: 0, sample: 0)
    let noise = zip(noisy.signal, record.signal).flatMap { zip($0, $1).map { Double($0 - $1) } }
    let mean = noise.reduce(0, +) / Double(noise.count)
    let deviation = (noise.map { $0 * $0 }.reduce(0, +) / Double(noise.count)).squareRoot()
    #expect(abs(mean) < 0.002)
    #expect(abs(deviation - 0.05) < 0.001)
  }

  @Test func oneLeadIsAlwaysKept() {
    let dropping = Augmentation(shift: 0, gain: 0, leadGain: 0, noise: 0, leadDropout: 1)
    for sample in 0..<20 {
      let changed = dropping.apply(to: .random(seed: 1), seed: 1, epoch: 0, sample: sample)
      #expect(changed.signal.filter { $0.contains { $0 != 0 } }.count == 1)
    }
  }
}

@Suite struct ImageViewTests {
  /// The numbers of drawn recordings are about standardised for a model with random weights, and within -1 ... 1 by Idefics3's
  /// scaling, whose settings have no name so that stores and checkpoints made by it stay valid.
  @Test func pixelsAreScaledAsTheModelWants() throws {
    let records = try (0..<8).map { try SyntheticECG(seed: 3).sample($0).record.conditioned() }
    let own = ImageView(imageSize: 256, scaling: PixelScaling(normalisation: .ecgPaper))
    let pixels = try records.flatMap { try own.pixelValues(of: $0).map(Double.init) }
    let mean = pixels.reduce(0, +) / Double(pixels.count)
    let squares = pixels.map { ($0 - mean) * ($0 - mean) }
    let deviation = (squares.reduce(0, +) / Double(pixels.count)).squareRoot()
    #expect(abs(mean) < 0.25 && (0.8...1.25).contains(deviation), "\(mean) \(deviation)")
    let old = ImageView(imageSize: 256, scaling: PixelScaling(normalisation: .idefics3))
    let others = try records.flatMap { try old.pixelValues(of: $0) }
    #expect(others.min() ?? -2 >= -1 && others.max() == 1)
    for (pixel, other) in zip(pixels, others) {
      let byte = (Double(other) + 1) / 2
      guard abs(pixel * 0.18 + 0.95 - byte) > 1e-5 else { continue }
      Issue.record("\(pixel) is not the pixel that is \(other) by Idefics3's scaling")
      break
    }
    #expect(old.settings == "image view, image 256" && own.settings != old.settings)
  }

  @Test func theTraceIsSeenAtTheModelsInputSize() throws {
    let view = ImageView(imageSize: 128, scaling: PixelScaling(normalisation: .idefics3))
    var flat = ECGRecord.random(seed: 1)
    flat.signal = flat.signal.map { _ in Array(repeating: 0, count: 1000) }
    var beating = flat
    for lead in beating.signal.indices {
      for start in stride(from: 20, to: 1000, by: 80) { beating.signal[lead][start] = 1 }
    }
    let (a, b) = (try view.pixelValues(of: flat), try view.pixelValues(of: beating))
    #expect(a.count == 3 * 128 * 128)
    #expect((a + b).allSatisfy { (-1...1).contains($0) })
    #expect(zip(a, b).filter { abs($0 - $1) > 0.2 }.count > 300)
  }
}
