extension RunConfiguration.Checkpoint {
  /// All that is wrong with the values, one line each.
  func problems() -> [String] {
    let rules: [(holds: Bool, problem: String)] = [
      (every >= 0, "checkpoint.every is negative; 0 saves at the end only"),
      (keep >= 1, "checkpoint.keep is \(keep); at least 1"),
      ((0...1 << 30).contains(memory), "checkpoint.memory is \(memory); 0 or more MB"),
    ]
    return rules.filter { !$0.holds }.map(\.problem)
  }
}
