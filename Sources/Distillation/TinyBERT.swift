import Autograd
import Tensors

/// TinyBERT (Jiao et al. 2020): layer by layer, the student's states drawn to the teacher's through linear maps.
///
/// L = (1 - alpha) L_CE + alpha (w_h L_hidden + w_e L_embedding + w_a L_attention), weights `objective.tinybert.*`.
/// Student layer m = 1 ... Ms learns from teacher layer round(m Mt / Ms), halves rounded up:
///  - L_hidden = sum over m of the mean squared error of H_m W_h against the teacher's hidden states,
///  - L_embedding = the mean squared error of E W_e against the teacher's embeddings, visual tokens in place,
///  - L_attention = sum over m of the mean squared error of the attention scores before the softmax, mean over heads,
///    over the entries that causal attention sees.
///
/// Means are over elements within a sequence, then over the sequences of the global batch. A teacher's sequence of
/// another length is brought to the student's by linear interpolation of positions (`PositionInterpolation`). W_h and
/// W_e, [Ds, Dt] without bias, are trained beside the student; W_h serves all layers, as in the paper.
public final class TinyBERT<Element: Scalar>: DistillationMethod {
  public let factors: LossFactors
  public var needs: ObservedStates { .layers }
  private let hiddenMap: Parameter<Element>?
  private let embeddingMap: Parameter<Element>?
  private let teacherLayers: [Int]

  private static var hiddenName: String { "objective.tinybert.hidden" }
  private static var embeddingName: String { "objective.tinybert.embedding" }

  /// Declares W_h and W_e where their terms are on: normal with deviation 1 / sqrt(Ds).
  /// - Throws: `UserError` listing the configuration's problems, or for a decoder without layers.
  static func declare(
    _ configuration: ObjectiveConfiguration, pair: ModelPair, into layout: inout ParameterLayout
  ) throws {
    try configuration.validate()
    guard pair.studentLayers > 0, pair.teacherLayers > 0 else {
      throw UserError(
        .usage,
        "objective.method tinybert compares layers: the student has \(pair.studentLayers), the teacher "
          + "\(pair.teacherLayers)", remedy: "choose models with layers, or another method")
    }
    let (factors, widths) = (configuration.factors(), pair.widths)
    for (term, name) in [(LossTerm.hidden, hiddenName), (.embedding, embeddingName)] where factors[term] > 0 {
      layout.add(name, [widths.student, widths.teacher], .normal(1 / Double(widths.student).squareRoot()))
    }
  }

  /// - Precondition: the arena's layout was declared with the same configuration and pair.
  init(_ configuration: ObjectiveConfiguration, pair: ModelPair, arena: ParameterArena<Element>) {
    factors = configuration.factors()
    hiddenMap = factors[.hidden] > 0 ? arena[Self.hiddenName] : nil
    embeddingMap = factors[.embedding] > 0 ? arena[Self.embeddingName] : nil
    teacherLayers = Self.teacherLayers(student: pair.studentLayers, teacher: pair.teacherLayers)
  }

  /// The teacher's layer, counted from 1, that each layer of the student learns from.
  static func teacherLayers(student: Int, teacher: Int) -> [Int] {
    (0..<student).map { max(1, (2 * ($0 + 1) * teacher + student) / (2 * student)) }
  }

  public func apply(
    student: DistillationStates<Element>, teacher: DistillationStates<Element>, counts: GlobalCounts,
    factors: LossFactors, tape: Tape<Element>
  ) throws -> LossParts {
    var parts = LossParts()
    guard let own = student.layers, let target = teacher.layers else { return parts }
    let alignment = SequenceInterpolation<Element>(student: student.sequences, teacher: teacher.sequences)
    func error(_ states: Variable<Element>, _ map: Parameter<Element>, _ goal: Variable<Element>, _ term: LossTerm)
      -> Double
    {
      tape.interpolatedError(
        student: tape.linear(states, map, layout: .inputByOutput), teacher: goal.value, alignment: alignment,
        sequences: counts.sequences, weight: factors[term])
    }
    if let embeddingMap, factors[.embedding] > 0 {
      parts[.embedding] = error(own.embeddings, embeddingMap, target.embeddings, .embedding)
    }
    for (layer, teacherLayer) in teacherLayers.enumerated() {
      if let hiddenMap, factors[.hidden] > 0 {
        parts[.hidden] += error(own.hidden[layer], hiddenMap, target.hidden[teacherLayer - 1], .hidden)
      }
      if factors[.attention] > 0 {
        parts[.attention] += tape.interpolatedScoreError(
          student: own.scores[layer], teacher: target.scores[teacherLayer - 1].value, alignment: alignment,
          sequences: counts.sequences, weight: factors[.attention])
      }
    }
    return parts
  }
}

/// Positions 0 ... m - 1 read at n places that are equally far apart, ends on ends: place i is i (m - 1) / (n - 1), and
/// a value there is linear between its neighbours. One place reads position 0. With n = m nothing is interpolated.
struct PositionInterpolation<Element: Scalar> {
  /// The neighbour before each place, and how far the place lies beyond it, 0 ..< 1.
  let lower: [UInt32]
  let fraction: [Element]

  init(from m: Int, to n: Int) {
    precondition(n > 0 && m > 0)
    let places = (0..<n).map { ($0 * (m - 1)).quotientAndRemainder(dividingBy: max(1, n - 1)) }
    lower = places.map { UInt32($0.quotient) }
    fraction = places.map { Element($0.remainder) / Element(max(1, n - 1)) }
  }
}

/// The rows of a shard's sequences on both sides, and how the teacher's are read at the student's.
struct SequenceInterpolation<Element: Scalar> {
  struct Sequence {
    let student: Range<Int>
    let teacher: Range<Int>
    /// Elements of the sequences' [L, L] maps.
    let studentMap: Range<Int>
    let teacherMap: Range<Int>
    let positions: PositionInterpolation<Element>
  }

  let sequences: [Sequence]

  /// - Precondition: equally many sequences, none of them empty.
  init(student: Segments, teacher: Segments) {
    precondition(student.count == teacher.count)
    let maps = [student, teacher].map { Segments(lengths: $0.lengths.map { $0 * $0 }) }
    sequences = (0..<student.count).map {
      Sequence(
        student: student[$0], teacher: teacher[$0], studentMap: maps[0][$0], teacherMap: maps[1][$0],
        positions: PositionInterpolation(from: teacher[$0].count, to: student[$0].count))
    }
  }
}

extension Tape {
  /// L = 1/B sum_b 1 / (L_b D) sum over elements of (S - T~)^2, T~ the teacher's rows read at the student's positions.
  ///
  /// student: S [rows of the student's sequences, D], teacher: T [rows of the teacher's, D]. Gradient: 2 weight
  /// (S - T~) / (B L_b D).
  /// - Parameters:
  ///   - sequences: B, the sequences of the global batch.
  ///   - weight: factor of the gradient, not of the value.
  /// - Returns: this shard's share of the mean.
  func interpolatedError(
    student: Variable<Element>, teacher: Tensor<Element>, alignment: SequenceInterpolation<Element>, sequences: Int,
    weight: Double
  ) -> Double {
    precondition(student.value.columns == teacher.columns)
    let residual = pool.tensor(student.shape)
    residual.copy(from: student.value)
    var sum = 0.0
    for sequence in alignment.sequences {
      for (index, row) in sequence.student.enumerated() {
        let first = sequence.teacher.lowerBound + Int(sequence.positions.lower[index])
        let fraction = sequence.positions.fraction[index]
        let target = residual.slice(row..<row + 1)
        target.add(teacher.slice(first..<first + 1), times: fraction - 1)
        if fraction > 0 { target.add(teacher.slice(first + 1..<first + 2), times: -fraction) }
      }
      let rows = residual.slice(sequence.student)
      sum += rows.sumOfSquares / Double(rows.count)
    }
    recordLoss { [pool] in
      for sequence in alignment.sequences {
        let rows = residual.slice(sequence.student)
        rows.scale(by: Element(2 * weight / (Double(rows.count) * Double(sequences))))
      }
      student.accumulate(residual, pool: pool)
    }
    return sum / Double(sequences)
  }

  /// L = 1/B sum_b 2 / (L_b (L_b + 1)) sum over j <= i of (S_ij - T~_ij)^2: the maps on and below their diagonal.
  ///
  /// student: the sequences' maps one after another, each [L, L], teacher: likewise. T~_ij is the teacher's map read
  /// between the four entries around (place of i, place of j); where one of them lies above the teacher's diagonal,
  /// causal attention never sees it: it has no weight and the others share its.
  func interpolatedScoreError(
    student: Variable<Element>, teacher: Tensor<Element>, alignment: SequenceInterpolation<Element>, sequences: Int,
    weight: Double
  ) -> Double {
    let residual = pool.tensor(student.shape)
    var sum = 0.0
    for sequence in alignment.sequences {
      let (n, m) = (sequence.student.count, sequence.teacher.count)
      let map = residual.reshaped([residual.count]).range(sequence.studentMap).reshaped([n, n])
      let squares = map.setScoreResidual(
        student: student.value.reshaped([residual.count]).range(sequence.studentMap).reshaped([n, n]),
        teacher: teacher.reshaped([teacher.count]).range(sequence.teacherMap).reshaped([m, m]),
        lower: sequence.positions.lower, fraction: sequence.positions.fraction)
      sum += 2 * squares / Double(n * (n + 1))
    }
    recordLoss { [pool] in
      for sequence in alignment.sequences {
        let n = Double(sequence.student.count)
        residual.reshaped([residual.count]).range(sequence.studentMap).scale(
          by: Element(4 * weight / (n * (n + 1) * Double(sequences))))
      }
      student.accumulate(residual, pool: pool)
    }
    return sum / Double(sequences)
  }
}
