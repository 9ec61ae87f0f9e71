import CVectorKernels

// The vector loops of CVectorKernels as operations on tensors: shapes are checked here, then the loop runs.

extension Tensor where Element: Scalar {
  /// self += factor x
  public func add(_ x: Tensor, times factor: Element = 1) {
    precondition(x.count == count, "\(x.shape) added to \(shape)")
    Element.kernels.axpy(count, factor, x.base, base)
  }

  /// self = factor self
  public func scale(by factor: Element) { Element.kernels.scale(count, factor, base, base) }

  /// self = x + y
  public func setSum(_ x: Tensor, _ y: Tensor) {
    precondition(x.count == count && y.count == count, "\(x.shape) + \(y.shape) into \(shape)")
    Element.kernels.add(count, x.base, y.base, base)
  }

  /// self = x * y, element by element
  public func setProduct(_ x: Tensor, _ y: Tensor) {
    precondition(x.count == count && y.count == count, "\(x.shape) * \(y.shape) into \(shape)")
    Element.kernels.multiply(count, x.base, y.base, base)
  }

  /// self = e^x
  public func setExp(_ x: Tensor) {
    precondition(x.count == count, "exp of \(x.shape) into \(shape)")
    Element.kernels.exp(count, x.base, base)
  }

  /// Sum of squares, accumulated in double in a fixed order.
  public var sumOfSquares: Double { Element.kernels.sumOfSquares(count, base) }

  /// Whether no element is NaN or infinite.
  public var isFinite: Bool { Element.kernels.isFinite(count, base) }

  /// Inner product with another tensor of equal count, accumulated in double in a fixed order.
  public func dot(_ other: Tensor) -> Double {
    precondition(other.count == count, "\(shape) . \(other.shape)")
    return Element.kernels.dot(count, base, other.base)
  }

  /// Adds the vector `bias` [columns] to each row.
  public func addBias(_ bias: Tensor) {
    precondition(bias.count == columns, "bias \(bias.shape) on \(shape)")
    Element.kernels.addBias(rows, columns, bias.base, base)
  }

  /// self [columns] += the sum of the rows of `x`, first row first
  public func addRows(of x: Tensor) {
    precondition(x.columns == count, "rows of \(x.shape) into \(shape)")
    Element.kernels.addRows(x.rows, x.columns, x.base, base)
  }

  /// Row `target` of self = row `source` of `other`.
  public func setRow(_ target: Int, toRow source: Int, of other: Tensor) {
    precondition(target >= 0 && target < rows && source >= 0 && source < other.rows && other.columns == columns)
    (base + target * columns).update(from: other.base + source * columns, count: columns)
  }

  /// Row `target` of self += row `source` of `other`.
  public func addToRow(_ target: Int, row source: Int, of other: Tensor) {
    precondition(target >= 0 && target < rows && source >= 0 && source < other.rows && other.columns == columns)
    Element.kernels.axpy(columns, 1, other.base + source * columns, base + target * columns)
  }

  /// self = gelu(x), tanh form
  public func setGELU(_ x: Tensor) {
    precondition(x.count == count)
    Element.kernels.gelu(count, x.base, base)
  }

  /// self = dy gelu'(x)
  public func setGELUBackward(_ x: Tensor, _ dy: Tensor) {
    precondition(x.count == count && dy.count == count)
    Element.kernels.geluBackward(count, x.base, dy.base, base)
  }

  /// self = silu(gate) up
  public func setSwiGLU(gate: Tensor, up: Tensor) {
    precondition(gate.count == count && up.count == count)
    Element.kernels.swiglu(count, gate.base, up.base, base)
  }

  /// Derivatives of `setSwiGLU` for upstream gradient `dy`, written to `gateGradient` and `upGradient`.
  public static func swigluBackward(
    gate: Tensor, up: Tensor, _ dy: Tensor, gateGradient: Tensor, upGradient: Tensor
  ) {
    precondition([up.count, dy.count, gateGradient.count, upGradient.count].allSatisfy { $0 == gate.count })
    Element.kernels.swigluBackward(gate.count, gate.base, up.base, dy.base, gateGradient.base, upGradient.base)
  }

  /// self = layer norm of the rows of `x`; `mean` and `rstd` [rows] are kept for backward
  public func setLayerNorm(_ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Element, mean: Tensor, rstd: Tensor) {
    precondition(x.count == count && x.columns == columns && weight.count == columns && bias.count == columns)
    precondition(mean.count == rows && rstd.count == rows)
    Element.kernels.layerNorm(
      rows, columns, epsilon, x.base, weight.base, bias.base, base, mean.base, rstd.base)
  }

  /// self = gradient of the layer norm's input; the gradients of weight and bias are added to
  public func setLayerNormBackward(
    _ x: Tensor, weight: Tensor, mean: Tensor, rstd: Tensor, _ dy: Tensor, weightGradient: Tensor, biasGradient: Tensor
  ) {
    precondition(x.count == count && dy.count == count && weight.count == columns)
    precondition(mean.count == rows && rstd.count == rows)
    precondition(weightGradient.count == columns && biasGradient.count == columns)
    Element.kernels.layerNormBackward(
      rows, columns, x.base, weight.base, mean.base, rstd.base, dy.base, base, weightGradient.base, biasGradient.base)
  }

  /// self = root-mean-square norm of the rows of `x`; `rstd` [rows] is kept for backward
  public func setRMSNorm(_ x: Tensor, weight: Tensor, epsilon: Element, rstd: Tensor) {
    precondition(x.count == count && x.columns == columns && weight.count == columns && rstd.count == rows)
    Element.kernels.rmsNorm(rows, columns, epsilon, x.base, weight.base, base, rstd.base)
  }

  /// self = gradient of the norm's input; the gradient of weight is added to
  public func setRMSNormBackward(_ x: Tensor, weight: Tensor, rstd: Tensor, _ dy: Tensor, weightGradient: Tensor) {
    precondition(x.count == count && dy.count == count && weight.count == columns && rstd.count == rows)
    precondition(weightGradient.count == columns)
    Element.kernels.rmsNormBackward(
      rows, columns, x.base, weight.base, rstd.base, dy.base, base, weightGradient.base)
  }

  /// Softmax of scale x per row, in place, over the columns whose mask is not 0 and, when causal, column <= row + shift.
  ///
  /// A row without a visible column becomes 0.
  public func softmaxRows(scale: Element = 1, mask: [UInt8]? = nil, causal: Bool = false, shift: Int = 0) {
    precondition((mask?.count ?? columns) == columns && shift >= 0 && scale > 0)
    if let mask {
      mask.withUnsafeBufferPointer {
        Element.kernels.softmax(rows, columns, scale, $0.baseAddress, causal ? 1 : 0, shift, base)
      }
    } else {
      Element.kernels.softmax(rows, columns, scale, nil, causal ? 1 : 0, shift, base)
    }
  }

  /// In place on dP: dS = scale P (dP - sum of P dP over the row)
  public func softmaxBackwardRows(probabilities: Tensor, scale: Element = 1) {
    precondition(probabilities.count == count && probabilities.columns == columns)
    Element.kernels.softmaxBackward(rows, columns, scale, probabilities.base, base)
  }

  /// Cross-entropy of one row against a label; the row becomes its gradient, weight (softmax - onehot).
  public func crossEntropyRow(_ row: Int, label: Int, weight: Element) -> Double {
    precondition(row >= 0 && row < rows && label >= 0 && label < columns)
    return Element.kernels.crossEntropy(columns, label, weight, base + row * columns)
  }

  /// Rotary positions, half-split layout, in place on `heads` heads of `width` columns from column `start` of each row.
  ///
  /// cosine, sine: [rows, width / 2]
  public func rotate(heads: Int, width: Int, start: Int = 0, cosine: Tensor, sine: Tensor, inverse: Bool = false) {
    precondition(start >= 0 && start + heads * width <= columns && width % 2 == 0)
    precondition(cosine.count == rows * width / 2 && sine.count == cosine.count)
    Element.kernels.rotary(
      rows, heads, width, columns, cosine.base, sine.base, inverse ? 1 : 0, base + start)
  }
}

/// Settings of one AdamW step (Loshchilov and Hutter 2019).
public struct AdamWStep: Sendable {
  public var learningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double
  /// The step's number, counted from 1: it sets the bias corrections 1 / (1 - beta^t).
  public var step: Int
  /// Factor on the gradient: clipping and the mean over the batch.
  public var gradientScale: Double

  public init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    step: Int, gradientScale: Double = 1
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.step = step
    self.gradientScale = gradientScale
  }

  /// w = (1 - lr wd) w - lr m^ / (sqrt(v^) + eps) on tensors of equal count; element by element, so any cut of a
  /// tensor into pieces gives the same bits.
  ///
  /// - Parameter rounded: takes the new weights rounded to bfloat16, in the same pass.
  public func update<Element: Scalar>(
    weight: Tensor<Element>, gradient: Tensor<Element>, moment1: Tensor<Element>, moment2: Tensor<Element>,
    rounded: Tensor<BFloat16>? = nil
  ) {
    precondition([gradient.count, moment1.count, moment2.count].allSatisfy { $0 == weight.count })
    precondition(rounded.map { $0.count == weight.count } ?? true)
    var settings = evl_adamw(
      learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: weightDecay,
      correction1: 1 / (1 - power(beta1, step)), correction2: 1 / (1 - power(beta2, step)),
      gradient_scale: gradientScale)
    Element.kernels.adamW(
      weight.count, &settings, gradient.base, weight.base, moment1.base, moment2.base, rounded?.base)
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    var factor = base
    var rest = exponent
    while rest > 0 {
      if rest & 1 == 1 { result *= factor }
      factor *= factor
      rest >>= 1
    }
    return result
  }
}

extension Matrix where Element: Scalar {
  public func fill(_ value: Element) {
    for row in 0..<rows { (base + row * stride).fill(value, count: columns) }
  }

  /// Row `target` of self += row `source` of `other`.
  public func addToRow(_ target: Int, row source: Int, of other: Tensor<Element>) {
    precondition(target >= 0 && target < rows && source >= 0 && source < other.rows && other.columns == columns)
    Element.kernels.axpy(columns, 1, other.base + source * columns, base + target * stride)
  }
}
