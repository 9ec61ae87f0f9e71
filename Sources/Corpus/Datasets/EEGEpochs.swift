/// How epochs are cut out of an EEG around its events; the section `data.eeg` of a configuration.
public struct EEGEpochs: Codable, Sendable, Equatable {
  /// Table of the events, with the columns type and onset_seconds; empty: the one *events.csv beside the recording, or the
  /// annotations of an EDF+ file.
  public var events = ""
  /// The type of event that is a stimulus.
  public var stimulus = "square"
  /// The type of event that is a response.
  public var response = "rt"
  /// Electrodes, one for each of the twelve rows of the signal view.
  public var channels = ["F3", "Fz", "F4", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1", "Oz", "O2"]
  /// Where an epoch begins, in seconds from its event; its mean up to the event is the baseline.
  public var start = -0.5
  /// Where it ends.
  public var end = 1.0
  /// Blocks of time that the recording is cut into.
  public var folds = 5

  public init() {}

  /// Of an epoch, s, and of the recording's blocks.
  private static let (lengths, foldNumbers) = (0.1...10.0, 2...10)

  /// All that is wrong with the values, one line each.
  public func problems() -> [String] {
    let rules: [(holds: Bool, problem: String)] = [
      (
        channels.count == ConditionedECG.leadCount && Set(channels).count == channels.count,
        "data.eeg.channels names \(channels.count) electrodes; the signal view has \(ConditionedECG.leadCount) rows, for as "
          + "many different ones"
      ),
      (
        !stimulus.isEmpty && !response.isEmpty && stimulus != response,
        "data.eeg.stimulus is \"\(stimulus)\" and response \"\(response)\"; two types of event are told apart"
      ),
      (
        start < 0 && end > 0 && Self.lengths.contains(end - start),
        "data.eeg.start is \(start) and end \(end); an epoch begins before its event, ends after it and is "
          + "\(Self.lengths.lowerBound) to \(Self.lengths.upperBound) s long"
      ),
      (
        Self.foldNumbers.contains(folds),
        "data.eeg.folds is \(folds); \(Self.foldNumbers.lowerBound) to \(Self.foldNumbers.upperBound)"
      ),
    ]
    return rules.filter { !$0.holds }.map(\.problem)
  }
}
