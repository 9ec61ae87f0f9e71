import Tensors
import Testing

@Suite struct PatchTests {
  @Test func cellsAreUnfoldedChannelByChannelInRowMajorOrder() {
    let shape = (images: 2, channels: 3, height: 5, width: 7, patch: 2)
    let count = shape.images * shape.channels * shape.height * shape.width
    let images = Tensor((0..<count).map { Float($0) }, [shape.images, shape.channels, shape.height, shape.width])
    let cells = Tensor<Float>(uninitialised: [shape.images * 2 * 3, 3 * 4])
    cells.setPatches(of: images, patch: shape.patch)
    for image in 0..<2 {
      for (i, j) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        for channel in 0..<3 {
          for (y, x) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let source = ((image * 3 + channel) * 5 + i * 2 + y) * 7 + j * 2 + x
            #expect(cells[((image * 2 + i) * 3 + j) * 12 + channel * 4 + y * 2 + x] == Float(source))
          }
        }
      }
    }
  }

  @Test func theLargestColumnIsTheFirstOfEqualOnesAndNeverNaN() {
    let tensor = Tensor<Float>([1, 3, 3, 2, .nan, -1, -2, -1, .nan, .nan, .nan, .nan], [3, 4])
    #expect((0..<2).map(tensor.columnOfLargest) == [1, 1])
    #expect((0..<4).contains(tensor.columnOfLargest(row: 2)))
  }
}
