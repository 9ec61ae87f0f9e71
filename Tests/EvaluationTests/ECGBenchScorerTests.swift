import Tensors
import Testing

@testable import Evaluation

@Suite struct PythonRandomTests {
  @Test func wordsEqualPython() {
    for expected in Expected.words {
      var random = PythonRandom(seed: expected.seed)
      let words = (0..<700).map { _ in random.bits(32) }
      #expect(Array(words.prefix(4)) == expected.first && Array(words.suffix(2)) == expected.last)
    }
  }

  @Test func choicesEqualPythonInOneStream() {
    var random = PythonRandom(seed: 42)
    let four = (0..<60).map { _ in random.choice(["A", "B", "C", "D"]) }.joined()
    let eight = (0..<60).map { _ in random.choice(["A", "B", "C", "D", "E", "F", "G", "H"]) }.joined()
    #expect(four == Expected.choicesOfFour && eight == Expected.choicesOfEight)
    #expect((1..<40).map { random.index(below: $0) } == Expected.choicesBelow)
  }
}

@Suite struct ECGBenchScorerTests {
  @Test func labelsAreFoundAnywhereInTheText() {
    #expect(ECGBenchScorer.predictedLabels(.ptbXLSuper, text: "MIMIC, ABNORMAL; not CD") == ["NORM", "MI", "CD"])
    #expect(ECGBenchScorer.predictedLabels(.ptbXLSuper, text: "normal, mi") == [])
    #expect(ECGBenchScorer.predictedLabels(.cpsc2018, text: "II-AVB, AFTER") == ["AF", "I-AVB"])
    #expect(ECGBenchScorer.goldLabels(.ptbXLSuper, answer: "STTC; HYP") == ["STTC", "HYP"])
    #expect(ECGBenchScorer.predictedLabels(.ptbXLSuper, text: "MI\u{301}") == ["MI"])
  }

  @Test func code15ReadsBehindTheLastAnswerAndAddsNormality() {
    func read(_ text: String) -> Set<String> { ECGBenchScorer.predictedLabels(.code15, text: text) }
    #expect(read("NORM") == ["NORM"])
    #expect(read("ABNORMAL NORM") == ["ABNORMAL"])
    #expect(read("RBBB Answer: SB Answer: LBBB, ST") == ["LBBB", "ST"])
    #expect(read("ABNORMAL Answer: STD") == ["ST"])
    #expect(ECGBenchScorer.goldLabels(.code15, answer: "NORM") == ["NORM"])
    #expect(ECGBenchScorer.goldLabels(.code15, answer: "ABNORMAL") == ["ABNORMAL"])
    #expect(ECGBenchScorer.goldLabels(.code15, answer: "RBBB(right bundle branch block)") == ["RBBB"])
    #expect(ECGBenchScorer.goldLabels(.code15, answer: "ABNORMAL ") == [])
  }

  @Test func scoresEqualTheBinarizerAndMetricsOfScikitLearn() throws {
    for expected in Expected.published {
      var draw = Congruential(expected.seed)
      let names = (0..<expected.width).map { String(UnicodeScalar(UInt8(97 + $0))) }
      func set(_ kept: Int) -> Set<String> {
        Set(names.indices.filter { draw.below(1000) < 350 && $0 < kept }.map { names[$0] })
      }
      let gold = (0..<expected.count).map { _ in set(expected.kept) }
      let predicted = (0..<expected.count).map { _ in set(expected.width) }
      let agreement = try ECGBenchAgreement(
        ids: (0..<expected.count).map(String.init), gold: gold, predicted: predicted)
      let score = try #require(agreement.score())
      #expect(close(score.balancedAccuracy, expected.balanced), "seed \(expected.seed)")
      #expect(close(score.macroF1, expected.f1) && close(score.hammingLoss, expected.hamming))
      let neverTrue = Set(predicted.joined()).subtracting(gold.joined())
      #expect(Set(agreement.droppedLabels) == neverTrue)
    }
  }

  @Test func aClassInEveryTruthLeavesThePublishedAUCUndefinedByName() throws {
    let agreement = try ECGBenchAgreement(
      ids: ["1", "2"], gold: [["MI"], ["MI", "CD"]], predicted: [["MI"], ["HYP"]])
    #expect(agreement.score()?.balancedAccuracy == nil)
    #expect(agreement.singleValuedClasses == ["MI"] && agreement.droppedLabels == ["HYP"])
  }

  @Test func aTruthWithoutLabelsIsRefused() {
    #expect(throws: UserError.self) { try ECGBenchAgreement(ids: ["1"], gold: [[]], predicted: [["MI"]]) }
  }

  @Test func lettersEqualThePublishedRules() {
    for (text, expected) in Expected.letters {
      let reading = ECGBenchScorer.choice(in: text)
      #expect(reading == (expected.map { .letter($0) } ?? .unreadable), "\(text)")
    }
    #expect(ECGBenchScorer.choice(in: "The correct option is ") == .fatal)
  }

  @Test func unreadableChoicesAreDrawnLikePythonAndCounted() throws {
    var random = PythonRandom(seed: 42)
    let texts = ["A", "?", "?", "The correct option is ", "?"]
    let gold = ["A", "A", "A", "A", "A"]
    let score = ECGBenchScorer.choices(.mmmu, zip(gold, texts).map { (gold: $0, text: $1) }, random: &random)
    // Python draws A, A, C, B.
    #expect(score.hits == [true, true, true, false, false])
    #expect(score.randomDraws == 4 && score.fatalAnswers == 1 && !score.isPublishable)
    #expect(close(score.accuracy, 0.6))
    let whole = ECGBenchScorer.choices(.csn, [(gold: "C. IAVB, ...", text: "C. IAVB")], random: &random)
    #expect(whole.hits == [true] && whole.randomDraws == 0)
    #expect(ECGBenchScorer.choices(.g12, [], random: &random).accuracy == nil)
  }

  @Test func optionSetsKeepThePublishedFaults() {
    let prompt =
      "Question: which?\nOptions: sinus rhythm, af, None\n\n"
      + "Only answer based on the given Options without any explanation."
    #expect(ECGBenchScorer.options(inPrompt: prompt) == ["sinus rhythm", "af", "None"])
    #expect(ECGBenchScorer.isCorrect(prompt: prompt, text: "Sinus rhythm", gold: ["sinus rhythm"]))
    #expect(!ECGBenchScorer.isCorrect(prompt: prompt, text: "None", gold: ["none"]))
    #expect(ECGBenchScorer.isCorrect(prompt: prompt, text: "nothing", gold: []))
    #expect(ECGBenchScorer.chosenOptions(["yes", "no"], text: "Not sure, normal") == ["no"])
    #expect(ECGBenchScorer.options(inPrompt: "a (b, c),") == ["a (b", "c)", ""])
    #expect(ECGBenchScorer.chosenOptions([""], text: "x") == [""])
  }
}
