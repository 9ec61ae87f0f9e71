import Foundation
import Tensors
import Testing

@testable import Cardiology

@Suite struct SyntheticECGTests {
  @Test func sampleIsTheSameBitsEveryTime() {
    let generator = SyntheticECG(seed: 5)
    for index in [0, 1, 17, 1_000_000] {
      let (first, second) = (generator.sample(index), SyntheticECG(seed: 5).sample(index))
      #expect(first.record.signal == second.record.signal)
      #expect(first.report == second.report && first.superclasses == second.superclasses)
    }
    #expect(generator.sample(0).record.signal != generator.sample(1).record.signal)
    #expect(generator.sample(0).record.signal != SyntheticECG(seed: 6).sample(0).record.signal)
  }

  @Test func recordHasTwelveLeadsOfTenSeconds() {
    for rate in [100.0, 500] {
      let record = SyntheticECG(seed: 1, samplingRate: rate).sample(3).record
      #expect(record.leads == Lead.allCases)
      #expect(record.sampleCount == Int(10 * rate) && record.duration == 10)
    }
  }

  @Test func limbLeadsObeyEinthovenAndGoldberger() throws {
    for index in 0..<20 {
      let record = SyntheticECG(seed: 2).sample(index).record
      let (one, two) = (try #require(record[.I]), try #require(record[.II]))
      let (three, right) = (try #require(record[.III]), try #require(record[.aVR]))
      let (left, foot) = (try #require(record[.aVL]), try #require(record[.aVF]))
      for i in one.indices {
        #expect(three[i] == two[i] - one[i])
        #expect(abs(right[i] + left[i] + foot[i]) <= 1e-6)
        #expect(right[i] == -0.5 * (one[i] + two[i]))
      }
    }
  }

  @Test func valuesAreFiniteAndPlausible() {
    let generator = SyntheticECG(seed: 3)
    for index in 0..<300 {
      for lead in generator.sample(index).record.signal {
        #expect(lead.allSatisfy { $0.isFinite && abs($0) <= 6 })
      }
    }
  }

  @Test func signalHasNoJumps() {
    // A QRS rises by no more than some 0.3 mV in 2 ms; anything faster would be an edge of a truncated wave.
    let generator = SyntheticECG(seed: 4, samplingRate: 500, noise: false)
    for index in 0..<24 {
      for lead in generator.sample(index).record.signal {
        var curvature: Float = 0
        for i in 1..<lead.count - 1 { curvature = max(curvature, abs(lead[i - 1] - 2 * lead[i] + lead[i + 1])) }
        #expect(curvature < 0.25)
      }
    }
  }

  @Test func sampledFasterItIsTheSameRecording() throws {
    // Slow waves do not see the recorder's bandwidth: lead by lead the two agree away from the QRS.
    let slow = SyntheticECG(seed: 8, samplingRate: 100, noise: false).sample(4).record
    let fast = SyntheticECG(seed: 8, samplingRate: 500, noise: false).sample(4).record
    for (a, b) in zip(slow.signal, fast.signal) {
      let apart = a.indices.map { abs(a[$0] - b[5 * $0]) }.sorted()
      #expect(apart[a.count / 2] < 0.002)
      #expect(apart[a.count * 99 / 100] < 0.5)
    }
  }

  @Test func heartRateEqualsTheStatedOne() throws {
    let generator = SyntheticECG(seed: 9, samplingRate: 500, noise: false)
    var rates: [Double] = []
    for index in 0..<24 {
      let sample = generator.sample(index)
      if sample.report.contains("premature") || sample.report.contains("fibrillation") { continue }
      #expect(sample.report.contains("rate \(Int(sample.heartRate.rounded()))/min"))
      #expect(abs(MeasuredECG(sample.record).heartRate - sample.heartRate) < 2, "\(index): \(sample.report)")
      rates.append(sample.heartRate)
    }
    #expect((rates.min() ?? 0) > 40 && (rates.min() ?? 0) < 68)
    #expect((rates.max() ?? 0) > 80 && (rates.max() ?? 0) < 140)
  }

  @Test func superclassSharesAreThoseOfPTBXL() {
    let count = 6000
    var found: [Superclass: Int] = [:]
    for index in 0..<count {
      var random = CounterRandom(seed: 1, purpose: "shares", sample: UInt64(index))
      for superclass in SyntheticDiagnosis.draw(&random).superclasses { found[superclass, default: 0] += 1 }
    }
    let expected: [(Superclass, Double)] = [(.NORM, 0.44), (.MI, 0.25), (.STTC, 0.24), (.CD, 0.22), (.HYP, 0.12)]
    for (superclass, share) in expected {
      #expect(abs(Double(found[superclass] ?? 0) / Double(count) - share) < 0.025, "\(superclass)")
    }
  }

  @Test func findingsAccountForEverySuperclass() {
    for index in 0..<2000 {
      var random = CounterRandom(seed: 2, purpose: "findings", sample: UInt64(index))
      let diagnosis = SyntheticDiagnosis.draw(&random)
      let shown = Set(diagnosis.findings.map(\.kind.superclass))
      #expect(shown == diagnosis.superclasses.subtracting([.NORM]))
      #expect(diagnosis.findings.allSatisfy { (0...1).contains($0.severity) })
    }
  }

  @Test func reportCallsNormalWhatIsLabelledSo() {
    let generator = SyntheticECG(seed: 13)
    for index in 0..<200 {
      let sample = generator.sample(index)
      #expect(sample.report.contains("ormal ECG") == sample.superclasses.contains(.NORM), "\(sample.report)")
    }
  }

  @Test func reportNamesWhatWasDrawn() {
    let generator = SyntheticECG(seed: 12)
    let words: [(SyntheticFinding.Kind, String)] = [
      (.completeLeftBundleBranchBlock, "Complete left bundle branch block"),
      (.infarction(.inferior, .acute), "Acute inferior myocardial infarction with ST elevation in II, III and aVF"),
      (.leftVentricularHypertrophy, "left ventricular hypertrophy"), (.longQT, "Prolonged QT interval"),
    ]
    for (kind, phrase) in words {
      let diagnosis = SyntheticDiagnosis(
        superclasses: [kind.superclass], findings: [SyntheticFinding(kind, severity: 0.8)])
      let report = generator.sample(0, diagnosis: diagnosis).report
      #expect(report.contains(phrase), "\(report)")
      #expect(report.hasSuffix(".") && !report.contains("ormal ECG"))
    }
    let normal = generator.sample(0, diagnosis: SyntheticDiagnosis(superclasses: [.NORM], findings: []))
    #expect(normal.report.contains("ormal ECG"))
  }
}
