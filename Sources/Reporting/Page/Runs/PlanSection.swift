import Evaluation
import Foundation
import Tensors

/// The section that draws a run's plans over recordings.
struct PlanSection {
  let plans: Result<PlanExhibits, MissingExhibit>

  private static let (id, heading) = ("plans", "Where the student looks")

  var section: PageContent.Section {
    let exhibits: PlanExhibits
    switch plans {
    case .success(let found) where !found.recordings.isEmpty: exhibits = found
    case .success: return missing("The run has no evaluation record to draw.", "")
    case .failure(let missing): return self.missing(missing.reason, missing.remedy)
    }
    var blocks: [PageContent.Block] = []
    for (number, recording) in exhibits.recordings.enumerated() {
      var figures: [PageContent.Figure] = []
      for (place, plan) in recording.plans.enumerated() {
        do {
          figures.append(try figure(plan, of: recording, exhibits.places, id: "plan-\(number)-\(place)"))
        } catch {
          blocks.append(.note(.warning("\(recording.record.name): \(UserError.message(of: error))")))
        }
      }
      blocks.append(.figures(.init(figures)))
    }
    return .init(id: Self.id, heading: Self.heading, lead: lead(exhibits), blocks: blocks)
  }

  private func missing(_ reason: String, _ remedy: String) -> PageContent.Section {
    .init(
      id: Self.id, heading: Self.heading,
      blocks: [.note(.missing(reason.capitalizedFirst, remedy.isEmpty ? nil : remedy.capitalizedFirst))])
  }

  private func lead(_ exhibits: PlanExhibits) -> String {
    let start =
      "The student of step \(PageNumber.grouped(exhibits.step)) and its teacher on the first records of the evaluation fold. "
    switch exhibits.places {
    case .leads:
      return start
        + "Squares are the student's image tokens. A line leads to a token from the centre of what one lead of the "
        + "teacher's image gives it, the one that gives most of those with at least a tenth of the token's mass and "
        + "\(PlanFlow.clearLift) times what the even plan would. Lead confusion is the share of the mass that joins tokens of different leads."
    case .times:
      return start
        + "Rows are times of the student, columns times of the teacher; the stronger its colour, the more of the mass joins "
        + "them, beyond that of the even plan. On the dotted line both see the same moment."
    }
  }

  private func figure(
    _ plan: PlanExhibits.Plan, of recording: PlanExhibits.Recording, _ places: TokenPlaces, id: String
  ) throws -> PageContent.Figure {
    let title = "\(plan.title), \(recording.record.name)"
    switch places {
    case .leads(let geometry):
      let chart = PlanOverECG(record: recording.record, geometry: geometry, plan: plan.weights)
      return .init(
        id: id, name: title,
        reading: "confusion \(PageNumber.decimals(geometry.confusion(of: plan.weights).value, 3))",
        drawing: try chart.drawing(id: "\(id)-svg", title: title),
        legend: .init([
          .init(style: "s3", label: "from its own lead"), .init(style: "s2", label: "from another"),
          .init(style: "rest", label: "spread"),
        ]),
        caption: "The even plan has \(PageNumber.decimals(geometry.uniform.value, 3))."
          + (plan.remark.map { " \($0)" } ?? ""))
    case .times(let student, let teacher):
      let chart = PlanOverTime(record: recording.record, student: student, teacher: teacher, plan: plan.weights)
      let most = chart.lifts().joined().max() ?? 1
      return .init(
        id: id, name: title, reading: "same time \(PageNumber.percent(chart.sameTime))",
        drawing: chart.drawing(id: "\(id)-svg", title: title),
        caption: "Strongest: \(PageNumber.short(most)) times the even plan, on a logarithmic scale from 1."
          + (plan.remark.map { " \($0)" } ?? ""))
    }
  }
}
