// Loops of entropic optimal transport; conventions as in CVectorKernels.h. The plan is P = a K b with
// K = e^((f + g - C) / eps): rows i < n are the teacher's tokens, columns j < m the student's.
#ifndef EVL_TRANSPORT_H
#define EVL_TRANSPORT_H

#include <stddef.h>

// What a run of sweeps did: how many, sum of |row sum - marginal| before the last one's row update (infinite without a
// tolerance), whether a scaling left the range it may have.
typedef struct {
  size_t count;
  double error;
  int left_range;
} evl_sweeps;

#define EVL_DECLARE(T, S)                                                                                              \
  /* mean[d] = mean of the rows of x[n, d] (rounded: any vector near the middle serves) */                             \
  void evl_row_mean_##S(size_t n, size_t d, const T *x, T *mean);                                                      \
  /* y = x - centre, row by row */                                                                                     \
  void evl_centre_##S(size_t n, size_t d, const T *x, const T *centre, T *y);                                          \
  /* squares[i] = |row i|^2, accumulated in double */                                                                  \
  void evl_row_squares_##S(size_t n, size_t d, const T *x, T *squares);                                                \
  /* y = factor[i] x, row by row; y may be x */                                                                        \
  void evl_scale_rows_##S(size_t n, size_t d, const T *factor, const T *x, T *y);                                      \
  /* c[n, m] holds inner products of centred rows and becomes |x_i - y_j|^2 = xx_i + yy_j - 2 c_ij; where that         \
     cancels (below close (xx_i + yy_j)) the differences of the original rows are squared instead. Returns the sum */  \
  double evl_squared_distances_##S(size_t n, size_t m, size_t d, const T *x, const T *y, const T *xx, const T *yy,     \
                                   double close, T *c);                                                                \
  /* f_i = min_j (c_ij - start_j), g_j = min_i (c_ij - f_i) >= start_j: K then has a 1 in every row and column */       \
  void evl_transport_start_##S(size_t n, size_t m, const T *c, const T *start, T *f, T *g);                            \
  /* k = e^((f + g - c) inverse); exponents above 40 are cut (rounding of huge costs) */                               \
  void evl_transport_kernel_##S(size_t n, size_t m, T inverse, const T *c, const T *f, const T *g, T *k);              \
  /* Sinkhorn sweeps, each one pass over k: a = row / (K b), then b = column / (K^T a). Ends after `maximum`, when a    \
     scaling is outside 1/bound ... bound, or, behind the first `unjudged`, when the error is below the tolerance;     \
     scratch: [m + n] */                                                                                               \
  evl_sweeps evl_sinkhorn_##S(size_t n, size_t m, T row, T column, size_t maximum, size_t unjudged, double tolerance,  \
                              double bound, const T *k, T *a, T *b, T *scratch);                                       \
  /* potential += epsilon log(scaling), scaling = 1 */                                                                 \
  void evl_absorb_##S(size_t n, double epsilon, T *scaling, T *potential);                                             \
  /* k becomes P = a k b; rows[n] and columns[m] receive its sums; returns <P, C> */                                   \
  double evl_transport_plan_##S(size_t n, size_t m, const T *a, const T *b, const T *c, T *k, T *rows, T *columns);    \
  /* Sums of the rows and columns of p[n, m] */                                                                        \
  void evl_marginals_##S(size_t n, size_t m, const T *p, T *rows, T *columns);                                         \
  /* g = p - p (c - u - v) inverse: the implicit derivative of <P, C> by C */                                          \
  void evl_implicit_##S(size_t n, size_t m, T inverse, const T *p, const T *c, const T *u, const T *v, T *g);          \
  /* Widening to double and rounding back */                                                                           \
  void evl_widen_##S(size_t n, const T *x, double *y);                                                                 \
  void evl_narrow_##S(size_t n, const double *x, T *y);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

// Cholesky factor of the symmetric s[n, n] (lower triangle read and overwritten) and solution of S x = x in place. A
// pivot that is lost in rounding, or below floor times the largest diagonal element, grounds its unknown at 0.
void evl_cholesky_solve(size_t n, double floor, double *s, double *x);

#endif
