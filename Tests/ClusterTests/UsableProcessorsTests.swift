import Testing

@testable import Cluster

@Suite struct UsableProcessorsTests {
  @Test(
    arguments: [
      (8, nil, 8), (8, 4.0, 4), (8, 2.5, 2), (8, 0.3, 1), (2, 16.0, 2), (1, nil, 1), (0, nil, 1), (4, 1e300, 4),
    ] as [(Int, Double?, Int)]) func theSmallerOfMaskAndQuotaCounts(_ given: (Int, Double?, Int))
  {
    #expect(UsableProcessors.count(processors: given.0, quota: given.1) == given.2)
  }

  @Test func thisProcessHasOne() { #expect(UsableProcessors.count >= 1) }
}
