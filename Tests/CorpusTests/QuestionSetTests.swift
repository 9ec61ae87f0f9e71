import Testing

@testable import Corpus

/// What evaluations are called, and by it what they ask.
@Suite struct QuestionSetTests {
  @Test func anEvaluationsNameTellsItsQuestions() {
    for questions in QuestionSet.all { #expect(QuestionSet.of(task: questions.task) == questions) }
    #expect(QuestionSet.of(task: nil) == .superclasses && QuestionSet.of(task: "another") == .superclasses)
  }
}
