import Tensors

extension TaskSource {
  /// An option that counts for some tasks and forms of data alone.
  private struct Option {
    var name: String
    var isGiven: Bool
    var counts: Bool
    /// Where it counts.
    var place: String
  }

  private var options: [Option] {
    let isFolder = data.isFolder
    let isECGQA = isFolder && task == .ecgQA
    return [
      Option(
        name: "--fold", isGiven: fold != nil, counts: isFolder && (task == .ptbXLSuper || task == .ptbXLReport),
        place: "ptb-xl-super and ptb-xl-report on PTB-XL's folder"),
      Option(name: "--split", isGiven: split != nil, counts: isECGQA, place: "ecg-qa on ECG-QA's folder"),
      Option(name: "--wording", isGiven: wording != nil, counts: isECGQA, place: "ecg-qa on ECG-QA's folder"),
      Option(name: "--recordings", isGiven: recordings != nil, counts: isECGQA, place: "ecg-qa on ECG-QA's folder"),
      Option(
        name: "--form", isGiven: form != nil, counts: isFolder && (task == .csn || task == .g12EC),
        place: "csn and g12ec on a folder of records"),
      Option(
        name: "--ids", isGiven: ids != nil, counts: isFolder && task != .ecgQA,
        place: "folders of recordings, each of which is asked about"),
      Option(name: "--images", isGiven: images != nil, counts: !isFolder, place: "files of conversations"),
    ]
  }

  /// - Throws: `UserError` (usage) naming the options that were given and say nothing about this task on these data.
  func refuseUnused() throws {
    let unused = options.filter { $0.isGiven && !$0.counts }
    guard !unused.isEmpty else { return }
    let names = unused.map(\.name).joined(separator: ", ")
    let places = unused.map { "\($0.name) is for \($0.place)" }.joined(separator: "; ")
    throw UserError(
      .usage,
      "\(names): not for \(task.rawValue) on \(data.isFolder ? "a folder" : "a file of conversations") (\(data.path))",
      remedy: "leave out what does not count: \(places)")
  }
}
