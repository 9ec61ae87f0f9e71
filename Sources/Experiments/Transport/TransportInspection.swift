import Cardiology
import Corpus
import Evaluation
import Foundation
import Tensors
import Training

/// Shows from which leads the student's image tokens draw their mass, in the transport plan and in the cross-attention.
///
/// Beside the run's student stands one that the transport term has not shaped: that of another run with the same teacher,
/// or the run's own before its first step. As such a student has no trained map into the teacher's width, both are also
/// compared under a map fitted by least squares on training records (`LeastSquaresMap`), each under its own fit.
public struct TransportInspection {
  private let run: TrainedRun
  private let origin: TransportReport.Origin
  private let comparison: String
  private let teacher: TeacherModel
  private let teacherReader: TokenReader
  private let corpus: TrainingCorpus
  private let with: PlanSource
  private let compared: PlanSource
  private let geometry: PlanGeometry
  private var notes: [String]

  /// Training records behind each fitted map: thousands of tokens against some hundred unknowns a column.
  private static let fitRecords = 64

  /// - Parameters:
  ///   - url: a run trained with the transport term, or a checkpoint of one.
  ///   - other: a run trained without the term, from the same teacher; nil to compare with the untrained student.
  /// - Throws: `UserError` of kind usage where the runs have no such plan or cannot be compared.
  public init(_ url: URL, against other: URL?) throws {
    run = try TrainedRun(url)
    guard try run.projection() != nil else {
      throw UserError(
        .usage, "\(run.name) was trained without the transport term, so it has no map into the teacher's width to draw",
        remedy: "name a run trained with objective.transport.weight above 0, and this one with --against")
    }
    let plans = try TokenPlans(run)
    (corpus, teacher, teacherReader, with) = (plans.corpus, plans.teacher, plans.teacherReader, plans.source)
    geometry = try PlanGeometry(student: with.reader, teacher: teacherReader)
    notes = run.skipped.map { "skipped: \($0)" }
    if let other {
      let rival = try TrainedRun(other)
      try Self.check(rival, against: run)
      compared = rival.plans(
        of: try rival.student(), projection: nil, attention: try rival.attention(), settings: with.settings)
      origin = TransportReport.Origin(run: rival.name, step: rival.checkpoint.step)
      comparison = "without"
      notes += rival.skipped.map { "skipped: \($0)" }
      if rival.checkpoint.step != run.checkpoint.step {
        notes.append("the two students are compared after unequal numbers of steps")
      }
    } else {
      compared = PlanSource(reader: try run.untrainedStudent(), maps: [:], attention: nil, settings: with.settings)
      origin = TransportReport.Origin(run: run.name, step: 0)
      comparison = "untrained"
      notes.append(
        "untrained: the student before its first step; --against RUN compares with one trained without the term")
    }
    guard with.reader.grid == compared.reader.grid else {
      throw UserError(.usage, "the two students have other image tokens", remedy: "compare students of one shape")
    }
  }

  private static func check(_ rival: TrainedRun, against run: TrainedRun) throws {
    func refuse(_ why: String, _ remedy: String) throws -> Never {
      throw UserError(.usage, "--against \(rival.name): \(why)", remedy: remedy)
    }
    if try rival.projection() != nil {
      try refuse(
        "it was trained with the transport term too", "name a run trained with objective.transport.weight=0")
    }
    guard rival.configuration.data.view == run.configuration.data.view else {
      try refuse("it was trained on another view of the ECG", "name a run of the same data.view")
    }
    let isOfOneTeacher = try !rival.hasTeacher || rival.teacherIdentity() == run.teacherIdentity()
    guard isOfOneTeacher else {
      try refuse("it learned from another teacher", "name a run with the same teacher, or with objective.method=ce")
    }
  }

  /// Draws one recording's plans and measures the confusion of many.
  ///
  /// - Parameters:
  ///   - name: id of a record of the run's data, a WFDB record or synthetic:NUMBER; nil for the evaluation fold's first.
  ///   - records: evaluation records behind the means, at most.
  /// - Throws: `UserError` for a recording that cannot be read.
  public func result(record name: String?, records: Int) throws -> TransportFindings {
    let chosen = try recording(name)
    var (with, compared) = (with, compared)
    let fitted = try fit([with, compared], without: chosen.id)
    with.maps[.fitted] = fitted.maps[0]
    compared.maps[.fitted] = fitted.maps[1]
    let teacherStates = try teacherReader.read(chosen.record)
    let drawn = try with.plans(student: with.reader.read(chosen.record), teacher: teacherStates)
    let beside = try compared.plans(student: compared.reader.read(chosen.record), teacher: teacherStates)
    let samples = Array(corpus.evaluation.prefix(records))
    var series: [[PlanKind: [Double?]]] = [[:], [:]]
    for sample in samples {
      let record = try corpus.records.record(sample)
      let states = try teacherReader.read(record)
      for (place, source) in [with, compared].enumerated() {
        let plans = try source.plans(student: source.reader.read(record), teacher: states).plans
        for (kind, plan) in plans { series[place][kind, default: []].append(geometry.confusion(of: plan).value) }
      }
    }
    let confusions = [drawn, beside].map { $0.plans.mapValues(geometry.confusion) }
    let bootstrap = try run.configuration.bootstrap()
    let rows = TransportReport.rows(confusions, series, subjects: samples.map(\.subject), bootstrap)
    let objective = run.configuration.objective.transport
    let uniform = geometry.uniform
    let report = TransportReport(
      with: TransportReport.Origin(run: run.name, step: run.checkpoint.step), compared: origin,
      comparison: comparison, record: chosen.record.name, recordRole: chosen.role, epsilon: objective.epsilon,
      epsilonIsRelative: objective.relative, sweeps: drawn.sweeps[.learned] ?? 0,
      marginalError: drawn.marginalError[.learned] ?? 0, records: samples.count,
      resampled: samples.lazy.compactMap(\.group).first?.plural ?? "records", fittedOn: fitted.records, rows: rows,
      uniform: uniform.value ?? 0, uniformLeftOut: uniform.leftOutShare, attentionOnImage: drawn.imageShare,
      mass: Dictionary(uniqueKeysWithValues: confusions[0].map { ($0.key.rawValue, $0.value.rows) }),
      notes: notes + samples.remarksOnGroups + explanations(fitted.records, attention: drawn.imageShare))
    return TransportFindings(
      report: report, record: chosen.record, plans: drawn.plans, confusions: confusions[0], geometry: geometry)
  }

  private func explanations(_ fitted: Int, attention: Double?) -> [String] {
    var lines = [
      "confusion: share of the mass that joins tokens of different leads; uniform plan: every pair the same mass",
      "left out: share of the mass that belongs to tokens without a lead",
      "fitted map: least squares on \(fitted) training records, each student token to the teacher tokens of its place;"
        + " each student has its own",
    ]
    if let attention {
      lines.append(
        "MHCA attention: mean over heads, image tokens only (they get "
          + String(format: "%.0f%%", 100 * attention) + " of the attention), each student token scaled to the same mass"
      )
    }
    return lines
  }

  /// The least-squares map of each student, on training records other than the one drawn.
  private func fit(_ sources: [PlanSource], without id: String?) throws -> (maps: [AffineMap], records: Int) {
    let samples = corpus.training.filter { $0.id != id }.prefix(Self.fitRecords)
    let fits = sources.map {
      LeastSquaresMap(
        student: $0.reader.grid, teacher: teacherReader.grid, studentWidth: $0.reader.model.textWidth,
        teacherWidth: teacher.model.textWidth)
    }
    for sample in samples {
      let record = try corpus.records.record(sample)
      let states = try teacherReader.read(record)
      for (source, fit) in zip(sources, fits) {
        fit.add(student: try source.reader.read(record).visual, teacher: states.visual)
      }
    }
    return (fits.map { $0.solution() }, samples.count)
  }

  private func recording(_ name: String?) throws -> (record: ECGRecord, id: String?, role: String) {
    let folds = run.configuration.evaluation
    guard let sample = try sample(name) else {
      return (try RecordSource(name ?? "").record().conditioned(), nil, "not of the run's data")
    }
    let role =
      folds.trainFolds.contains(sample.fold)
      ? "trained on" : sample.fold == folds.fold ? "evaluation fold" : "held out"
    return (try corpus.records.record(sample), sample.id, "fold \(sample.fold), \(role)")
  }

  /// The record of the run's data that a name stands for, by its id or as synthetic:NUMBER.
  private func sample(_ name: String?) throws -> ECGSample? {
    guard let name else { return corpus.evaluation.first }
    if let known = corpus.dataset.samples.first(where: { $0.id == name }) { return known }
    guard run.configuration.data.kind == "synthetic", case .synthetic(let seed, let index) = try RecordSource(name),
      seed == run.configuration.dataSeed
    else { return nil }
    return corpus.dataset.samples.first { $0.index == index }
  }
}
