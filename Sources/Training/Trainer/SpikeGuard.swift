import Foundation

/// Tells steps whose loss or gradient norm is far outside of its running band, or no number at all.
///
/// The band of a value ends at mean + deviation · max(standard deviation, |mean| / 10) of the last steps' values, in which a
/// refused step counts with the band's end, so that what is rare and sound widens it. What falls is harmless, so there is no
/// lower end. Loss and norm are the same on every rank, whatever the ranks, and so is the judgement.
/// Standard deviations from a rolling mean: the spike score of OLMo 2 (arXiv 2501.00656). Going back, and on behind the
/// spike: PaLM (arXiv 2204.02311), section 5.1.
struct SpikeGuard: Sendable {
  /// What a run that goes on has to know to judge alike.
  struct State: Codable, Sendable, Equatable {
    /// Of the last steps, oldest first.
    var losses: [Double] = []
    var norms: [Double] = []
    /// Steps refused in a row.
    var refused = 0
    /// Updates that the weights have seen: what AdamW counts.
    var updates = 0
  }

  /// Fewer values than this make no band.
  private static let fewest = 50
  let settings: RunConfiguration.Spikes
  var state = State()

  init(_ settings: RunConfiguration.Spikes) { self.settings = settings }

  /// Why a step's update must not be made; nil where it may.
  ///
  /// - Parameters:
  ///   - losses: of the step, by name; `loss` is the total.
  ///   - norm: of its gradient.
  func objection(losses: [String: Double], norm: Double) -> String? {
    let bad = losses.filter { !$0.value.isFinite }.keys.sorted()
    if !bad.isEmpty { return "the loss (\(bad.joined(separator: ", "))) is not a finite number" }
    if !norm.isFinite { return "the gradient is not a finite number" }
    return above("the loss", losses["loss"] ?? 0, band(state.losses))
      ?? above("the gradient's norm", norm, band(state.norms))
  }

  private func above(_ name: String, _ value: Double, _ band: Band?) -> String? {
    guard let band, value > band.end else { return nil }
    return name
      + String(
        format: " is %.4g, far above that of the last %d steps (mean %.4g, band up to %.4g)", value, band.count,
        band.mean, band.end)
  }

  private struct Band {
    var count: Int
    var mean: Double
    var end: Double
  }

  /// Nil where there are too few values.
  private func band(_ values: [Double]) -> Band? {
    guard settings.deviation > 0, values.count >= min(Self.fewest, settings.window) else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    return Band(
      count: values.count, mean: mean, end: mean + settings.deviation * max(spread, abs(mean) / 10))
  }

  /// A step's update was made.
  mutating func accept(loss: Double, norm: Double) {
    note(loss: loss, norm: norm)
    state.refused = 0
    state.updates += 1
  }

  /// A step's update was not made. - Returns: whether the run is to end for it.
  mutating func refuse(loss: Double, norm: Double) -> Bool {
    if loss.isFinite, norm.isFinite {
      note(
        loss: min(loss, band(state.losses)?.end ?? loss), norm: min(norm, band(state.norms)?.end ?? norm))
    }
    state.refused += 1
    return settings.chosen == .stop || state.refused > settings.limit
  }

  private mutating func note(loss: Double, norm: Double) {
    state.losses = (state.losses + [loss]).suffix(settings.window)
    state.norms = (state.norms + [norm]).suffix(settings.window)
  }
}

extension RunConfiguration {
  /// What is done with a step that would do harm.
  public struct Spikes: Codable, Sendable, Equatable {
    /// What follows a spike.
    public enum Action: String, Sendable, CaseIterable {
      /// The step's update is left out.
      case skip
      /// Weights and moments go back to the last checkpoint, and on with the batch after the spike.
      case rollback
      /// The run ends.
      case stop
    }

    /// An `Action`'s name.
    public var action = Action.skip.rawValue
    /// Steps that the band is made of.
    public var window = 200
    /// Standard deviations above the mean at which the band ends; 0: only what is no number is refused.
    public var deviation = 10.0
    /// Steps refused in a row after which the run ends.
    public var limit = 5

    /// - Precondition: the configuration has no problems.
    var chosen: Action { Action(rawValue: action) ?? .skip }

    /// All that is wrong with the values, one line each.
    func problems() -> [String] {
      let actions = Action.allCases.map(\.rawValue)
      let rules: [(holds: Bool, problem: String)] = [
        (
          actions.contains(action),
          "train.spikes.action is \"\(action)\"; it can be \(actions.joined(separator: ", "))"
        ), ((2...10_000).contains(window), "train.spikes.window is \(window); 2 to 10000"),
        (deviation >= 0 && deviation.isFinite, "train.spikes.deviation is \(deviation); 0 or more"),
        (limit >= 0, "train.spikes.limit is \(limit); 0 or more"),
      ]
      return rules.filter { !$0.holds }.map(\.problem)
    }
  }
}
