import CVectorKernels
import Dispatch

/// The most floating-point operations a core does: independent fused multiply-adds on registers.
public enum ProcessorPeak {
  /// Best of several runs with registers of 256 and 512 bits, in GFLOP/s of single precision, one core.
  public static func measure() -> Double {
    [evl_peak_256, evl_peak_512].flatMap { loop in
      (0..<5).map { _ in
        let start = DispatchTime.now().uptimeNanoseconds
        let operations = loop(2_000_000)
        return operations / Double(max(1, DispatchTime.now().uptimeNanoseconds - start))
      }
    }.max() ?? 0
  }
}
