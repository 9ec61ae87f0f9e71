import Cluster
import Foundation
import Training

extension RunPage {
  /// What the run's bits depend on, and what is saved of them.
  var guarantees: PageContent.Section {
    var facts: [PageContent.Fact] = []
    if let configuration = run.configuration {
      let train = configuration.train
      facts = [
        .init(term: "Seed", value: "\(configuration.run.seed)", remark: "every random number is a function of it"),
        .init(
          term: "Shards", value: "\(train.shards)",
          remark: "of \(train.globalBatch / max(1, train.shards)) samples, \(train.globalBatch) a step"),
        .init(term: "Threads of a rank", value: "\(train.threads)"),
        .init(term: "Precision", value: train.precision),
        .init(
          term: "Reduction", value: train.reduction,
          remark: isOrdered ? "gradients are added in the order of the shards" : "by MPI's own all-reduce between nodes"
        ),
      ]
    }
    if let saved = run.saved {
      facts.append(.init(term: "Kernels", value: saved.coreType))
    } else if let type = run.start?.processorType {
      facts.append(.init(term: "Kernels of OpenBLAS", value: type))
    }
    if let ranks { facts.append(.init(term: "Ranks", value: ranks, remark: "of the newest start")) }
    if let digest = run.digest {
      facts.append(.init(term: "Trained student", value: digest, remark: "SHA-256 of student/model.safetensors"))
    }
    var blocks: [PageContent.Block] = [.facts(.init(facts))]
    if run.saves.isEmpty {
      blocks.append(
        .note(
          .missing(
            "There is no checkpoint.",
            "Each start saves at its end, when it is stopped, and every checkpoint.every steps.")))
    } else {
      blocks.append(.table(saves))
    }
    return .init(id: "guarantees", heading: "Guarantees", lead: law, blocks: blocks)
  }

  private var isOrdered: Bool { run.configuration?.train.reduction == GradientReduction.ordered.rawValue }

  private var law: String {
    guard run.configuration != nil else { return "Without config.yaml it cannot be told what the bits depend on." }
    return isOrdered
      ? "The same student, bit for bit, on any number of ranks, stopped and continued or not: its bits depend on the "
        + "settings, the data and the values below, but for the ranks."
      : "With train.reduction fast the bits depend on the ranks of each node too; ordered makes them the same on any number."
  }

  private var ranks: String? {
    guard let places = run.start?.ranks, !places.isEmpty else { return nil }
    let hosts = Set(places.compactMap(\.host)).count
    return "\(places.count) on \(hosts) \(hosts == 1 ? "host" : "hosts")"
  }

  private var saves: PageContent.Table {
    .init(
      summary: "Checkpoints, newest first",
      columns: [.text("Checkpoint"), .number("step"), .number("size"), .number("saved"), .text("state")],
      rows: run.saves.map { save in
        let isSound = save.step == run.saved?.step
        return .init(
          label: save.name,
          cells: [
            .number(PageNumber.grouped(save.step)), .number(PageNumber.bytes(save.bytes)),
            .number(save.time.map { ISO8601DateFormatter().string(from: $0) } ?? "–"),
            .text(isSound ? "every file agrees with its SHA-256" : state(of: save)),
          ], weight: isSound ? "strong" : "")
      })
  }

  /// Only the newest sound checkpoint was looked at, and those newer than it.
  private func state(of save: ReportedRun.Save) -> String {
    guard let sound = run.saved?.step else { return "damaged" }
    return save.step > sound ? "damaged" : "not looked at; evl-dist verify does"
  }
}
