import Cardiology
import Foundation
import Synchronization
import Tensors
import Testing

@testable import Corpus

@Suite struct PrefetcherTests {
  @Test(arguments: [0, 1, 2, 5], [1, 3])
  func itemsComeInOrderWhateverTheTiming(ahead: Int, workers: Int) throws {
    let prefetcher = Prefetcher(10..<60, ahead: ahead, workers: workers) { number in
      var random = CounterRandom(seed: 1, purpose: "delay", sample: UInt64(number))
      usleep(UInt32(random.integer(below: 800)))
      return number * number
    }
    var items: [Int] = []
    while let item = try prefetcher.next() { items.append(item) }
    #expect(items == (10..<60).map { $0 * $0 })
    #expect(try prefetcher.next() == nil)
  }

  @Test func noMoreThanTheStatedNumberIsMadeAhead() throws {
    let made = Mutex(0)
    let prefetcher = Prefetcher(0..<100, ahead: 4, workers: 2) { _ in made.withLock { $0 += 1 } }
    for taken in 1...20 {
      _ = try prefetcher.next()
      usleep(1_000)
      #expect(made.withLock { $0 } <= taken + 4)
    }
  }

  @Test func errorsReachTheConsumerInTheirPlace() throws {
    let prefetcher = Prefetcher(0..<5, ahead: 3) { number in
      if number == 2 { throw UserError(.badInput, "file 2") }
      return number
    }
    #expect(try prefetcher.next() == 0)
    #expect(try prefetcher.next() == 1)
    #expect(throws: UserError(.badInput, "file 2")) { try prefetcher.next() }
    #expect(try prefetcher.next() == 3)
  }

  @Test func leavingEarlyStopsTheWork() throws {
    let made = Mutex(0)
    do {
      let prefetcher = Prefetcher(0..<1_000, ahead: 100) { _ in
        usleep(2_000)
        made.withLock { $0 += 1 }
      }
      _ = try prefetcher.next()
    }
    usleep(50_000)
    #expect(made.withLock { $0 } < 60)
  }
}

@Suite struct SamplePreparerTests {
  private func side(_ builtIn: BytePairTokenizer.BuiltIn, patch: Int, block: Int) throws -> ModelSide {
    ModelSide(
      view: try SignalView(imageSize: 16 * patch, patchSize: patch, blockSide: block),
      prompt: try Prompt(tokenizer: BytePairTokenizer(builtIn), imageTokens: 256 / (block * block)))
  }

  private func preparer(
    _ dataset: any ECGDataset = ProbeDataset(count: 20), labelled: Double = 1, asksEveryQuestion: Bool = false,
    seed: UInt64 = 1
  ) throws -> SamplePreparer {
    try SamplePreparer(
      records: RecordCache(dataset), samples: dataset.samples, seed: seed,
      labelled: LabelledFraction(labelled, seed: seed), asksEveryQuestion: asksEveryQuestion,
      student: side(.student, patch: 8, block: 2), teacher: side(.teacher, patch: 8, block: 1))
  }

  private func same(_ a: PreparedSample, _ b: PreparedSample) -> Bool {
    a.sample == b.sample && a.question == b.question && a.student.pixels == b.student.pixels
      && a.student.conversation == b.student.conversation && a.teacher?.pixels == b.teacher?.pixels
      && a.teacher?.conversation == b.teacher?.conversation
  }

  @Test func aPositionGivesTheSameSampleFromAnyThreadAndCache() throws {
    let one = try preparer()
    let other = try preparer()
    let prefetcher = Prefetcher(0..<40, ahead: 6, workers: 3) { try one.prepare(position: $0) }
    for position in (0..<40).reversed() { _ = try other.prepare(position: position) }
    for position in 0..<40 {
      let prefetched = try #require(try prefetcher.next())
      #expect(same(prefetched, try other.prepare(position: position)))
    }
  }

  @Test func teacherAndStudentSeeTheSameWindows() throws {
    let preparer = try preparer()
    let made = try preparer.prepare(position: 3)
    let student = try SignalView(imageSize: 128, patchSize: 8, blockSide: 2).windows(of: made.student.pixels)
    let teacher = try SignalView(imageSize: 128, patchSize: 8, blockSide: 1).windows(of: made.teacher?.pixels ?? [])
    #expect(student == teacher)
    #expect(made.student.pixels != made.teacher?.pixels)
  }

  @Test func epochsDifferInAugmentation() throws {
    let preparer = try preparer(ProbeDataset(count: 1))
    #expect(try preparer.prepare(position: 0).student.pixels != preparer.prepare(position: 1).student.pixels)
  }

  @Test func unlabelledSamplesEndBeforeTheirAnswersOnBothSides() throws {
    let full = try preparer()
    let scarce = try preparer(labelled: 0)
    for position in 0..<10 {
      let (a, b) = (try full.prepare(position: position), try scarce.prepare(position: position))
      #expect(b.student.conversation == a.student.conversation.withoutAnswer)
      #expect(b.teacher?.conversation == a.teacher?.conversation.withoutAnswer)
      #expect(b.student.conversation.answerTokens == 0 && !b.isLabelled)
      #expect(a.student.pixels == b.student.pixels)
    }
  }

  @Test func everyQuestionIsAskedOnceBesideTheOneDrawn() throws {
    let single = try preparer()
    let every = try preparer(asksEveryQuestion: true)
    for position in 0..<40 {
      let (one, all) = (try single.prepare(position: position), try every.prepare(position: position))
      #expect(one.question == all.question && one.student.pixels == all.student.pixels)
      let drawn = one.student.conversation
      let common = every.student.prompt.commonLength
      let first = try #require(all.student.conversation.branches.first)
      #expect(Array(all.student.conversation.ids[first]) == Array(drawn.ids[common...]))
      let asked = [one.question] + QuestionDraw(seed: 1, mix: .init()).others(than: one.question, for: one.sample)
      #expect(Set(asked.map(\.text)).count == asked.count)
      #expect(asked.count == (one.question.kind == .report ? 7 : 6))
      #expect(all.student.conversation.branches.count == asked.count)
    }
  }

  @Test func shardsOfAStepHoldConsecutivePositions() throws {
    let preparer = try preparer()
    let plan = try ShardPlan(globalBatch: 8, shards: 4)
    let made = try preparer.prepare(step: 2, shard: 3, plan: plan)
    #expect(made.map(\.position) == [22, 23])
    #expect(made.map(\.epoch) == [1, 1])
  }

  @Test func damagedRecordsAreNamedToTheConsumer() throws {
    let dataset = ProbeDataset(count: 4, damaged: [2])
    let preparer = try preparer(dataset)
    let prefetcher = Prefetcher(0..<4, ahead: 2) { try preparer.prepare(position: $0) }
    var messages: [String] = []
    for _ in 0..<4 {
      do { _ = try prefetcher.next() } catch { messages.append("\(error)") }
    }
    #expect(messages.count == 1)
    #expect(messages.first?.contains("p2.dat") == true)
  }

  @Test func dataSetsWithoutLabelsCannotBeTrainedOn() throws {
    let mute = ECGSample(id: "m", index: 0, superclasses: [], report: "", fold: 1)
    #expect(throws: UserError.self) {
      try SamplePreparer(
        records: RecordCache(ProbeDataset(count: 1)), samples: [mute], seed: 1, labelled: LabelledFraction(1, seed: 1),
        student: side(.student, patch: 8, block: 2), teacher: nil)
    }
  }

  @Test func theCacheReadsEachRecordOnceAndKeepsMicrovolts() throws {
    struct Counting: ECGDataset {
      let name = "counting"
      let base = ProbeDataset(count: 3)
      var samples: [ECGSample] { base.samples }
      let reads = Counter()
      func record(_ sample: ECGSample) throws -> ECGRecord {
        reads.count.withLock { $0 += 1 }
        return try base.record(sample)
      }
    }
    final class Counter: Sendable { let count = Mutex(0) }
    let dataset = Counting()
    let cache = RecordCache(dataset)
    let first = try cache.record(dataset.samples[1])
    #expect(try cache.record(dataset.samples[1]).signal == first.signal)
    #expect(first.signal == (try dataset.base.record(dataset.samples[1])).signal)
    #expect(dataset.reads.count.withLock { $0 } == 1)
  }
}
