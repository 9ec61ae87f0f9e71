import Foundation
import Tensors

/// One synthetic recording and what is true of it.
public struct SyntheticSample: Sendable {
  /// Twelve leads in standard order, mV.
  public let record: ECGRecord
  public let superclasses: Set<Superclass>
  /// Short clinical English that says what was drawn.
  public let report: String
  /// What the signal shows beside the normal; empty for a normal ECG.
  public let findings: [SyntheticFinding]
  /// Mean ventricular rate over the recording, 1/min.
  public let heartRate: Double
}

/// A data set without end of synthetic 12-lead ECGs of the five PTB-XL superclasses.
///
/// A moving dipole (`SyntheticHeart`) beats in a rhythm with physiological variability (`SyntheticRhythm`), is projected
/// on the leads by a torso's lead vectors (`LeadField`), and electrodes add noise (`SyntheticNoise`). Patients, findings
/// and their severity, from subtle to marked, are drawn in shares like those of PTB-XL. A sample is a pure function of
/// (seed, index); at another sampling rate it is the same patient and the same beats.
public struct SyntheticECG: Sendable {
  /// Seconds of every recording.
  public static let duration: Double = 10

  public let seed: UInt64
  /// Hz.
  public let samplingRate: Double
  private let hasNoise: Bool

  /// - Parameters:
  ///   - samplingRate: samples per second, 50 to 1000 Hz; 100 and 500 are usual.
  /// - Precondition: a sampling rate within that range.
  public init(seed: UInt64, samplingRate: Double = 100) {
    self.init(seed: seed, samplingRate: samplingRate, noise: true)
  }

  init(seed: UInt64, samplingRate: Double, noise: Bool) {
    precondition((50...1000).contains(samplingRate), "sampling rate must lie between 50 and 1000 Hz")
    self.seed = seed
    self.samplingRate = samplingRate
    hasNoise = noise
  }

  /// The sample of an index, the same bits every time.
  ///
  /// - Complexity: about (samples) * (waves per beat); well under 2 ms at 100 Hz.
  public func sample(_ index: Int) -> SyntheticSample {
    var random = stream("diagnosis", index)
    return sample(index, diagnosis: SyntheticDiagnosis.draw(&random))
  }

  /// The patient of an index, with a diagnosis of the caller's choice.
  func sample(_ index: Int, diagnosis: SyntheticDiagnosis) -> SyntheticSample {
    var random = stream("patient", index)
    let patient = SyntheticPatient(superclasses: diagnosis.superclasses, &random)
    let field = LeadField.torso(&random)
    var heart = SyntheticHeart(patient: patient, &random)
    random = stream("findings", index)
    heart.apply(diagnosis.findings, age: patient.age, field: field, &random)

    random = stream("rhythm", index)
    let rhythm = self.rhythm(of: patient, diagnosis, &random)
    var leads = trace(heart, rhythm, field, &random)
    if hasNoise {
      random = stream("noise", index)
      SyntheticNoise(breathing: rhythm.breathing, &random).add(to: &leads, rate: samplingRate, &random)
    }
    let report = SyntheticReport(
      findings: diagnosis.findings, isNormal: diagnosis.superclasses.contains(.NORM), rhythm: rhythm,
      axis: heart.axis(field)
    ).text
    let record = ECGRecord(
      name: "synthetic-\(seed)-\(index)", samplingRate: samplingRate, leads: Lead.allCases,
      signal: twelveLeads(leads), comments: ["age: \(patient.age)", "sex: \(patient.isMale ? "male" : "female")"])
    return SyntheticSample(
      record: record, superclasses: diagnosis.superclasses, report: report, findings: diagnosis.findings,
      heartRate: rhythm.rate)
  }

  private func stream(_ purpose: String, _ index: Int) -> CounterRandom {
    CounterRandom(seed: seed, purpose: "synthetic ECG " + purpose, sample: UInt64(bitPattern: Int64(index)))
  }

  private func rhythm(
    of patient: SyntheticPatient, _ diagnosis: SyntheticDiagnosis, _ random: inout CounterRandom
  ) -> SyntheticRhythm {
    let healthy = diagnosis.superclasses.contains(.NORM)
    // A long PR or QT is read at rates that leave room for it.
    let roomy = diagnosis.findings.contains { $0.kind == .firstDegreeAVBlock || $0.kind == .longQT }
    let showsAtria = diagnosis.findings.contains {
      [.firstDegreeAVBlock, .leftAtrialEnlargement, .rightAtrialEnlargement].contains($0.kind)
    }
    let rate = random.normal(
      mean: healthy ? 69 : 76, deviation: healthy ? 11 : 16, in: 50...(healthy ? 104 : roomy ? 92 : 130))
    let fibrillates = random.chance(0.07) && !healthy && !showsAtria
    let ectopics = random.chance(healthy ? 0.01 : 0.06)
    return SyntheticRhythm(
      kind: fibrillates ? .atrialFibrillation : .sinus, rate: fibrillates ? min(rate + 10, 125) : rate,
      age: patient.age, ectopics: ectopics, duration: Self.duration, &random)
  }

  /// The noise-free leads I, II, V1 to V6.
  private func trace(
    _ heart: SyntheticHeart, _ rhythm: SyntheticRhythm, _ field: LeadField, _ random: inout CounterRandom
  ) -> [[Double]] {
    let interval = 1000 / samplingRate
    // Gaussian recorder, -3 dB at 0.4 of the sampling rate, at most 150 Hz.
    let blur = 1000 * 0.1325 / min(0.4 * samplingRate, 150)
    var dipole = [Moment](repeating: .zero, count: Int((Self.duration * samplingRate).rounded()))
    let ectopic = SyntheticHeart.ectopicBeat(&random)
    for beat in rhythm.beats {
      let breath = cos(2 * .pi * rhythm.breathing.frequency * beat.time + rhythm.breathing.phase)
      let gain = 1 + 0.03 * breath + 0.008 * random.normal(mean: 0, deviation: 1, in: -2...2)
      let waves = beat.isEctopic ? ectopic : heart.beat(after: beat.interval, withAtria: rhythm.kind == .sinus)
      for wave in waves {
        wave.recorded(blur: blur).add(to: &dipole, beat: 1000 * beat.time, interval: interval, gain: gain)
      }
    }
    if rhythm.kind == .atrialFibrillation { Self.addFibrillation(to: &dipole, rate: samplingRate, &random) }
    return (0..<8).map { field.project(dipole, lead: $0) }
  }

  /// Fibrillatory waves: 5 to 8 Hz, wandering in size, largest in V1 and the inferior leads.
  private static func addFibrillation(to dipole: inout [Moment], rate: Double, _ random: inout CounterRandom) {
    let moment = Moment(0.008, 0.030, -0.035) * random.factor(0.35)
    let main = random.uniform(5.2, 7.2)
    let tones = (0..<4).map { _ in (main + random.uniform(-0.7, 0.7), random.uniform(0, 2 * .pi)) }
    for index in dipole.indices {
      let t = Double(index) / rate
      dipole[index] += moment * tones.reduce(0) { $0 + 0.5 * cos(2 * .pi * $1.0 * t + $1.1) }
    }
  }

  /// The twelve leads: III = II - I, aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2, in Float.
  private func twelveLeads(_ leads: [[Double]]) -> [[Float]] {
    let independent = leads.map { $0.map { Float($0) } }
    let (one, two) = (independent[0], independent[1])
    let limbs = [
      one, two, zip(one, two).map { $1 - $0 }, zip(one, two).map { -0.5 * ($0 + $1) },
      zip(one, two).map { $0 - 0.5 * $1 }, zip(one, two).map { $1 - 0.5 * $0 },
    ]
    return limbs + independent[2...]
  }
}

extension SyntheticHeart {
  /// Changes the normal heart into one with these findings.
  mutating func apply(
    _ findings: [SyntheticFinding], age: Int, field: LeadField, _ random: inout CounterRandom
  ) {
    for finding in findings { applyConduction(finding, &random) }
    for finding in findings { applyHypertrophy(finding, &random) }
    for finding in findings {
      if case .infarction(let territory, let stage) = finding.kind {
        infarct(territory, stage, severity: finding.severity, &random)
      }
    }
    for finding in findings { applyRepolarisation(finding, &random) }
    limitVoltage(findings, age: age, field: field)
  }

  /// A premature ventricular complex: broad, tall, with T against it and no P wave; from the right ventricle's outflow
  /// tract (axis down, forces to the back) or from the left ventricle (axis up, forces to the front).
  static func ectopicBeat(_ random: inout CounterRandom) -> [CardiacWave] {
    let direction = random.chance(0.6) ? Moment(0.35, 0.90, 0.70) : Moment(-0.45, -0.80, -0.75)
    let size = random.uniform(1.1, 1.6)
    let waves = [
      CardiacWave(at: -32, width: 14, direction * 0.30), CardiacWave(at: 2, width: 21, direction),
      CardiacWave(at: 46, width: 20, direction * Moment(0.9, 0.4, 0.8)),
      CardiacWave(at: 235, width: 65, fall: 52, direction * -0.48),
    ]
    return scattered(waves, gain: size, &random)
  }

  /// The frontal axis of the QRS in degrees, from the net deflections of I and aVF.
  func axis(_ field: LeadField) -> Double {
    let complex = 165...260
    let one = template(field, lead: 0)[complex]
    let two = template(field, lead: 1)[complex]
    let foot = zip(one, two).map { $1 - 0.5 * $0 }
    let net = { (lead: [Double]) in (lead.max() ?? 0) + (lead.min() ?? 0) }
    return atan2(net(foot) * 2 / 3.0.squareRoot(), net(Array(one))) * 180 / .pi
  }
}
