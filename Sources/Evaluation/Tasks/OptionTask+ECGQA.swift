import Corpus

extension OptionTask {
  /// The task `ecg-qa` on one split.
  ///
  /// - Parameter recordings: of PTB-XL by `ecg_id`, for their patients and what is to be said of leakage; nil without the
  ///   folder.
  public init(
    _ questions: ECGQAQuestions, subset: String, recordings: [String: PTBXLDataset.Entry]?
  ) throws {
    let items = questions.questions.map { question in
      OptionItem(
        TextQuestion(id: question.id, prompt: question.prompt, shown: question.recordings), options: question.offered,
        answers: question.answers, kind: question.kind, subject: Self.subject(question.recordings, recordings))
    }
    guard let recordings else {
      self.init(
        name: "ecg-qa", subset: subset, items: items,
        remarks: { _ in
          [
            "ECG-QA's splits were drawn without a look at PTB-XL's folds: a model trained on folds 1 to 8 may have seen "
              + "these recordings; --recordings PTB-XL counts them",
            "resamples draw recordings; with --recordings they draw patients",
          ]
        })
      return
    }
    let folds = recordings.compactMapValues(\.fold)
    let training = try Self.remarks(onTraining: questions.recordings(of: .train) ?? [], folds)
    self.init(
      name: "ecg-qa", subset: subset, items: items, remarks: { Self.remarks(onAsked: $0, folds) + training })
  }

  /// The patient, or both of a question about two; the recording where its patient is not known.
  private static func subject(_ shown: [String], _ recordings: [String: PTBXLDataset.Entry]?) -> String {
    let subjects = shown.map { name in
      let patient = recordings?[name]?.patient ?? ""
      return patient.isEmpty ? name : ECGSample.Group.patient(patient).name
    }
    return Set(subjects).sorted().joined(separator: " + ")
  }

  /// ECG-QA draws its splits without a look at PTB-XL's folds: models trained on the one have seen the other's test.
  private static func remarks(onAsked items: [OptionItem], _ folds: [String: Int]) -> [String] {
    let asked = Set(items.flatMap(\.question.shown))
    let seen = asked.count { (1...8).contains(folds[$0] ?? 0) }
    guard seen > 0 else { return [] }
    return [
      "\(seen) of the \(asked.count) recordings asked about lie in PTB-XL's folds 1 to 8: a model trained there has seen "
        + "them"
    ]
  }

  private static func remarks(onTraining recordings: [String], _ folds: [String: Int]) -> [String] {
    let held = recordings.count { (9...10).contains(folds[$0] ?? 0) }
    guard held > 0 else { return [] }
    return [
      "ECG-QA's own training split holds \(held) recordings of PTB-XL's folds 9 and 10: a model trained on it must leave "
        + "them out before it is evaluated there"
    ]
  }
}
