import Cardiology
import Tensors

/// One way a recording enters a vision tower: as `pixel_values` of shape [tiles, 3, imageSize, imageSize].
public protocol ECGView: Sendable {
  /// Rows and columns of each tile.
  var imageSize: Int { get }
  /// How the recording is laid out in the model's input: one square tile unless a view says otherwise.
  var geometry: ImageGeometry { get }
  /// Every setting that changes the pixels, in words; part of what a checkpoint is compared by.
  var settings: String { get }
  /// Channel-first pixels of a conditioned record (see `ECGRecord.conditioned()`), tile after tile.
  /// - Throws: `UserError` of kind badInput naming the record where it cannot be shown.
  func pixelValues(of record: ECGRecord) throws -> [Float]
  /// Where each lead lies, in pixels of the image; nil where one place shows several leads.
  var leadBoxes: [LeadBox]? { get }
}

extension ECGView {
  public var geometry: ImageGeometry {
    let square = PixelSize(width: imageSize, height: imageSize)
    return ImageGeometry(original: square, tile: square)
  }
}

/// The one form in which recordings reach views and augmentation.
public enum ConditionedECG {
  public static let samplingRate = 100.0
  public static let sampleCount = 1000
  public static let leadCount = Lead.allCases.count
}

extension ECGRecord {
  /// The record with its twelve leads in standard order, at 100 Hz, 10 s long.
  ///
  /// Longer records keep their first 10 s; shorter ones are continued with each lead's median, which every view shows as
  /// the baseline.
  /// - Throws: `UserError` of kind badInput: a lead is missing, a sample is no number, or there is no sample.
  public func conditioned() throws -> ECGRecord {
    let complete = try standardised().validated()
    guard complete.sampleCount > 0 else {
      throw UserError(.badInput, "record \(name): it holds no samples", remedy: "leave the record out")
    }
    var record =
      complete.samplingRate == ConditionedECG.samplingRate
      ? complete : complete.resampled(to: ConditionedECG.samplingRate)
    record.signal = record.signal.map { samples in
      let kept = samples.prefix(ConditionedECG.sampleCount)
      let missing = ConditionedECG.sampleCount - kept.count
      return missing > 0 ? kept + Array(repeating: kept.median, count: missing) : Array(kept)
    }
    return record
  }
}

extension Collection where Element == Float {
  /// The lower median; 0 for an empty collection.
  ///
  /// Hoare's selection: the range that holds the wanted rank shrinks around a pivot.
  /// - Precondition: no element is NaN.
  /// - Complexity: O(n) expected.
  var median: Float {
    var values = Array(self)
    let rank = (values.count - 1) / 2
    var (low, high) = (0, values.count - 1)
    while low < high {
      let pivot = values[low + (high - low) / 2]
      var (left, right) = (low, high)
      while left <= right {
        while values[left] < pivot { left += 1 }
        while values[right] > pivot { right -= 1 }
        if left <= right {
          values.swapAt(left, right)
          left += 1
          right -= 1
        }
      }
      if rank <= right { high = right } else if rank >= left { low = left } else { break }
    }
    return values.isEmpty ? 0 : values[rank]
  }
}
