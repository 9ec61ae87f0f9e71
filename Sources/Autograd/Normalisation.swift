import Tensors

extension Tape {
  /// Layer normalisation of each row: y = (x - mean) / sqrt(var + eps) * weight + bias (Ba et al. 2016).
  ///
  /// x: [n, d], weight, bias: [d].
  public func layerNorm(
    _ x: Variable<Element>, _ weight: Parameter<Element>, bias: Parameter<Element>, epsilon: Double
  ) -> Variable<Element> {
    let mean = pool.tensor([x.value.rows])
    let rstd = pool.tensor([x.value.rows])
    let forward = { [pool, products] in
      let y = pool.tensor(x.shape)
      products.shareRows(of: y) {
        y.slice($0).setLayerNorm(
          x.value.slice($0), weight: weight.value, bias: bias.value, epsilon: Element(epsilon), mean: mean.slice($0),
          rstd: rstd.slice($0))
      }
      return y
    }
    let y = forward()
    let trains = uses(weight)
    let biasTrains = uses(bias)
    return result(y, needsGradient: x.needsGradient || trains || biasTrains, recompute: forward) { [pool] dy in
      let dx = pool.tensor(x.shape)
      let weightShare = pool.zeros(weight.value.shape)
      let biasShare = pool.zeros(bias.value.shape)
      dx.setLayerNormBackward(
        x.value, weight: weight.value, mean: mean, rstd: rstd, dy, weightGradient: weightShare,
        biasGradient: biasShare)
      if biasTrains { bias.contributeSum { $0.add(biasShare) } }
      if trains { weight.contributeSum { $0.add(weightShare) } }
      x.accumulate(dx, pool: pool)
    }
  }

  /// Root-mean-square normalisation of each row: y = x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich 2019).
  ///
  /// x: [n, d], weight: [d].
  public func rmsNorm(_ x: Variable<Element>, _ weight: Parameter<Element>, epsilon: Double) -> Variable<Element> {
    let rstd = pool.tensor([x.value.rows])
    let forward = { [pool, products] in
      let y = pool.tensor(x.shape)
      products.shareRows(of: y) {
        y.slice($0).setRMSNorm(
          x.value.slice($0), weight: weight.value, epsilon: Element(epsilon), rstd: rstd.slice($0))
      }
      return y
    }
    let y = forward()
    let trains = uses(weight)
    return result(y, needsGradient: x.needsGradient || trains, recompute: forward) { [pool] dy in
      let dx = pool.tensor(x.shape)
      let share = pool.zeros(weight.value.shape)
      dx.setRMSNormBackward(x.value, weight: weight.value, rstd: rstd, dy, weightGradient: share)
      if trains { weight.contributeSum { $0.add(share) } }
      x.accumulate(dx, pool: pool)
    }
  }
}
