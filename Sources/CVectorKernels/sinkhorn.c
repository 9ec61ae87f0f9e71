#include "exponential.h"
// The functions that take wide vectors are always inlined: no call, no calling convention to warn about.
#pragma GCC diagnostic ignored "-Wpsabi"
#include "lanes.h"
#define BODY "sinkhorn.inc"
#include "instantiate.h"

EVL_CLONES static double row_dot(size_t n, const double *x, const double *y) {
  double sum;
  {
    typedef double T;
    EVL_LANE_SUM(sum, n, x[i] * y[i])
  }
  return sum;
}

void evl_cholesky_solve(size_t n, double floor, double *s, double *x) {
  double least = 0;
  for (size_t i = 0; i < n; i++) least = floor * s[i * n + i] > least ? floor * s[i * n + i] : least;
  for (size_t i = 0; i < n; i++) {
    double *row = s + i * n;
    for (size_t j = 0; j < i; j++) {
      const double pivot = s[j * n + j];
      row[j] = pivot > 0 ? (row[j] - row_dot(j, row, s + j * n)) / pivot : 0;
    }
    const double rest = row[i] - row_dot(i, row, row);
    // Below the rounding of its own cancellation a pivot says nothing.
    row[i] = rest > 1e-15 * row[i] && rest > least ? sqrt(rest) : 0;
  }
  for (size_t i = 0; i < n; i++) {
    const double pivot = s[i * n + i];
    x[i] = pivot > 0 ? (x[i] - row_dot(i, s + i * n, x)) / pivot : 0;
  }
  for (size_t i = n; i-- > 0;) {
    const double pivot = s[i * n + i];
    x[i] = pivot > 0 ? x[i] / pivot : 0;
    for (size_t j = 0; j < i; j++) x[j] -= s[i * n + j] * x[i];
  }
}
