import Cardiology
import Testing

@testable import Corpus

@Suite struct SyntheticDatasetTests {
  @Test func recordingsAreAFunctionOfSeedAndIndex() throws {
    let (one, longer, other) = (
      SyntheticDataset(count: 20, seed: 1), SyntheticDataset(count: 30, seed: 1), SyntheticDataset(count: 20, seed: 2)
    )
    #expect(Array(longer.samples.prefix(20)) == one.samples)
    #expect(other.samples != one.samples)
    let sample = one.samples[7]
    #expect(try one.record(sample).signal == longer.record(sample).signal)
    #expect(try one.record(sample).signal != other.record(sample).signal)
    #expect(try one.record(sample).name == sample.id)
  }

  @Test func everySampleCanBeConditionedAndAsked() throws {
    let dataset = SyntheticDataset(count: 20, seed: 3)
    #expect(Set(dataset.samples.map(\.id)).count == 20)
    for sample in dataset.samples {
      #expect(sample.questions.count == 7)
      #expect((1...10).contains(sample.fold))
      #expect(try RecordCache(dataset).record(sample).sampleCount == ConditionedECG.sampleCount)
    }
  }

  @Test func foldsAndClassesAreAllPresent() {
    let dataset = SyntheticDataset(count: 300, seed: 4)
    #expect(Set(dataset.samples.map(\.fold)) == Set(1...10))
    #expect(Set(dataset.samples.flatMap(\.superclasses)) == Set(Superclass.allCases))
  }
}
