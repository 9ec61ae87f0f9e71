import Autograd
import Foundation
import Tensors

/// Relational knowledge distillation (Park et al. 2019): the geometry between samples, not the samples themselves.
///
/// L = (1 - alpha) L_CE + alpha (w_d L_distance + w_a L_angle), w_d = `objective.rkd.distance_weight` (1), w_a =
/// `objective.rkd.angle_weight` (2), each loss the mean over the shards of the global batch. A sample stands for the mean
/// of its hidden states (last layer, all tokens). Only samples of one shard are compared, so that the number of ranks
/// changes nothing; the configuration refuses fewer than four a shard. Nothing is trained beside the student.
public final class RelationalDistillation<Element: Scalar>: DistillationMethod {
  public let factors: LossFactors
  public var needs: ObservedStates { [] }

  public init(_ configuration: ObjectiveConfiguration) { factors = configuration.factors() }

  public func apply(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>, counts: GlobalCounts,
    factors: LossFactors, tape: Tape<Element>
  ) throws -> LossParts {
    var parts = LossParts()
    guard factors[.distance] > 0 || factors[.angle] > 0 else { return parts }
    let own = tape.meanPool(student.hidden, student.sequences)
    let target = tape.meanPool(teacher.hidden, teacher.sequences).value
    if factors[.distance] > 0 {
      parts[.distance] = tape.sampleDistanceLoss(
        student: own, teacher: target, shards: counts.shards, weight: factors[.distance])
    }
    if factors[.angle] > 0 {
      parts[.angle] = tape.sampleAngleLoss(
        student: own, teacher: target, shards: counts.shards, weight: factors[.angle])
    }
    return parts
  }
}

/// Huber's loss of a difference, with its derivative: x^2 / 2 within 1, |x| - 1/2 beyond.
private func huber<Element: Scalar>(_ x: Element) -> (value: Double, slope: Element) {
  abs(x) <= 1 ? (Double(x * x) / 2, x) : (Double(abs(x)) - 0.5, x > 0 ? 1 : -1)
}

extension Tape {
  /// Row b of the result is the mean of sequence b's rows. x: [rows of `sequences`, d], result: [sequences, d].
  public func meanPool(_ x: Variable<Element>, _ sequences: Segments) -> Variable<Element> {
    precondition(sequences.total == x.value.rows && sequences.lengths.allSatisfy { $0 > 0 })
    let y = pool.zeros([sequences.count, x.value.columns])
    for index in 0..<sequences.count {
      let mean = y.slice(index..<index + 1)
      mean.addRows(of: x.value.slice(sequences[index]))
      mean.scale(by: 1 / Element(sequences[index].count))
    }
    return result(y, needsGradient: x.needsGradient) { [pool] dy in
      let dx = pool.zeros(x.shape)
      for index in 0..<sequences.count {
        let share = dy.slice(index..<index + 1)
        for row in sequences[index] {
          dx.slice(row..<row + 1).add(share, times: 1 / Element(sequences[index].count))
        }
      }
      x.accumulate(dx, pool: pool)
    }
  }

  /// L_distance = 1 / shards * mean over pairs i != j of huber(psi(s_i, s_j) - psi(t_i, t_j)), psi(x_i, x_j) =
  /// |x_i - x_j| / mu, mu the mean distance over these pairs.
  ///
  /// student: [n, Ds], teacher: [n, Dt], one row a sample. mu depends on the student too, and the gradient says so. Equal
  /// samples have no direction: derivative 0; where all are equal psi is 0.
  /// - Parameter weight: factor of the gradient, not of the value.
  /// - Complexity: O(n^2 (Ds + Dt)).
  public func sampleDistanceLoss(
    student: Variable<Element>, teacher: Tensor<Element>, shards: Int, weight: Double
  ) -> Double {
    let n = student.value.rows
    precondition(teacher.rows == n)
    guard n > 1 else { return 0 }
    let own = SampleDistances(student.value, pool: pool)
    let target = SampleDistances(teacher, pool: pool)
    let pairs = Double(n * (n - 1))
    var sum = 0.0
    // d huber / d psi of every pair, and the sum of its products with psi, for the mean's share.
    var slopes = [Element](repeating: 0, count: n * n)
    var moment: Element = 0
    for pair in slopes.indices where pair / n != pair % n {
      let (value, slope) = huber(own.scaled[pair] - target.scaled[pair])
      sum += value
      slopes[pair] = slope
      moment += slope * own.scaled[pair]
    }
    let share = 1 / (pairs * Double(shards))
    recordLoss { [pool] in
      let dx = pool.zeros(student.shape)
      let difference = pool.tensor([1, student.value.columns])
      for pair in slopes.indices where own.distances[pair] > 0 {
        // psi = d / mu: dL/dd = (slope - moment / pairs) / mu, since d mu / d d = 1 / pairs.
        let factor =
          Element(weight * share) * (slopes[pair] - moment / Element(pairs)) / (own.mean * own.distances[pair])
        let (i, j) = (pair / n, pair % n)
        difference.copy(from: student.value.slice(i..<i + 1))
        difference.add(student.value.slice(j..<j + 1), times: -1)
        dx.slice(i..<i + 1).add(difference, times: factor)
        dx.slice(j..<j + 1).add(difference, times: -factor)
      }
      student.accumulate(dx, pool: pool)
    }
    return share * sum
  }

  /// L_angle = 1 / shards * mean over triples of different i, j, k of huber(cos_s - cos_t), the cosine of the angle at
  /// sample i between the directions to j and k: e_ij . e_ik, e_ij = (x_j - x_i) / |x_j - x_i|.
  ///
  /// student: [n, Ds], teacher: [n, Dt]. Equal samples have no direction: e = 0, derivative 0.
  /// - Parameter weight: factor of the gradient, not of the value.
  /// - Complexity: products 2 n^3 (2 Ds + Dt); keeps [n, n, Ds].
  public func sampleAngleLoss(
    student: Variable<Element>, teacher: Tensor<Element>, shards: Int, weight: Double
  ) -> Double {
    let n = student.value.rows
    precondition(teacher.rows == n)
    guard n > 2 else { return 0 }
    let share = 1 / (Double(n * (n - 1) * (n - 2)) * Double(shards))
    let (cosines, target) = (pool.tensor([n, n]), pool.tensor([n, n]))
    var sum = 0.0
    var kept: [(directions: Tensor<Element>, norms: [Element], slopes: Tensor<Element>)] = []
    for vertex in 0..<n {
      let (directions, norms) = Self.directions(from: vertex, student.value, pool: pool)
      multiply(directions.matrix, directions.matrix, transposeB: true, into: cosines.matrix)
      let others = Self.directions(from: vertex, teacher, pool: pool).directions
      multiply(others.matrix, others.matrix, transposeB: true, into: target.matrix)
      let slopes = pool.zeros([n, n])
      for pair in 0..<n * n where pair / n != pair % n && pair / n != vertex && pair % n != vertex {
        let (value, slope) = huber(cosines[pair] - target[pair])
        sum += value
        slopes[pair] = slope
      }
      if isRecording { kept.append((directions, norms, slopes)) }
    }
    recordLoss { [pool] in
      let dx = pool.zeros(student.shape)
      let de = pool.tensor(student.shape)
      for (vertex, (directions, norms, slopes)) in kept.enumerated() {
        // The slopes are symmetric: d(sum)/de_j = 2 sum_k slope_jk e_k.
        multiply(slopes.matrix, directions.matrix, alpha: Element(2 * weight * share), into: de.matrix)
        for other in 0..<n where norms[other] > 0 {
          let (e, g) = (directions.slice(other..<other + 1), de.slice(other..<other + 1))
          // e = x / |x|: dx = (g - (g . e) e) / |x|.
          g.add(e, times: -Element(g.dot(e)))
          dx.slice(other..<other + 1).add(g, times: 1 / norms[other])
          dx.slice(vertex..<vertex + 1).add(g, times: -1 / norms[other])
        }
      }
      student.accumulate(dx, pool: pool)
    }
    return share * sum
  }

  /// Unit vectors from one sample to every other, [n, d], and the distances; both 0 to itself and to its equals.
  private static func directions(
    from vertex: Int, _ x: Tensor<Element>, pool: BufferPool<Element>
  ) -> (directions: Tensor<Element>, norms: [Element]) {
    let result = pool.tensor(x.shape)
    result.copy(from: x)
    let origin = x.slice(vertex..<vertex + 1)
    let norms = (0..<x.rows).map { row -> Element in
      let direction = result.slice(row..<row + 1)
      direction.add(origin, times: -1)
      let norm = Element(direction.sumOfSquares.squareRoot())
      direction.scale(by: norm > 0 ? 1 / norm : 0)
      return norm
    }
    return (result, norms)
  }
}

/// Distances between rows and their mean over pairs of different rows.
private struct SampleDistances<Element: Scalar> {
  /// [n, n]
  let distances: [Element]
  let mean: Element
  /// distances / mean; 0 where the mean is 0.
  let scaled: [Element]

  init(_ x: Tensor<Element>, pool: BufferPool<Element>) {
    let n = x.rows
    var distances = [Element](repeating: 0, count: n * n)
    let difference = pool.tensor([1, x.columns])
    var sum = 0.0
    for i in 0..<n {
      for j in 0..<i {
        difference.copy(from: x.slice(i..<i + 1))
        difference.add(x.slice(j..<j + 1), times: -1)
        let distance = difference.sumOfSquares.squareRoot()
        distances[i * n + j] = Element(distance)
        distances[j * n + i] = Element(distance)
        sum += 2 * distance
      }
    }
    let mean = Element(sum / Double(n * (n - 1)))
    self.distances = distances
    self.mean = mean
    scaled = distances.map { mean > 0 ? $0 / mean : 0 }
  }
}
