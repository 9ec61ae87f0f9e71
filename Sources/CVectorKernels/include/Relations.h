// Loops of the geometric relation loss; conventions as in CVectorKernels.h. Matrices are [n, n] over one sequence's
// tokens; x is the aligned side (Hhat), y the student's.
#ifndef EVL_RELATIONS_H
#define EVL_RELATIONS_H

#include <stddef.h>

// Sums over ordered pairs of: squared difference of scaled distances, of cosines, and difference times distance.
typedef struct {
  double distance, angle, moment_x, moment_y;
} evl_relation_sums;

// What the coefficients of one side's gradient need: scale = 1 / mean distance, shift = the part of dL/d(distance)
// common to all pairs, both in the units of the loss.
typedef struct {
  double distance_weight, angle_weight, scale_x, scale_y, shift_x, shift_y;
} evl_relation_weights;

#define EVL_DECLARE(T, S)                                                                                              \
  /* Per row of x[n, d]: norm, 1 / norm (0 when norm <= 1e-12) and norm less the first row's, formed in double */      \
  void evl_relation_norms_##S(size_t n, size_t d, const T *x, T *norm, T *inverse, T *offset);                         \
  /* x = sqrt(x) in place; returns the sum */                                                                          \
  double evl_square_roots_##S(size_t n, T *x);                                                                         \
  /* e = dx scale_x - dy scale_y and cosine difference from 1 - cos = (d^2 - (|i| - |j|)^2) / (2 |i| |j|) */           \
  evl_relation_sums evl_relation_compare_##S(size_t n, double scale_x, double scale_y, const T *dx,                    \
                                             const T *dy, const T *ix, const T *iy, const T *ox, const T *oy);         \
  /* dx and dy become the matrices M of the gradients: dL/dx_i = sum_j M_ij x'_j + t_i centre, x' = x - centre;        \
     mean_x[n], mean_y[n] receive t. close: pairs with d < close[i] or close[j] are left out of M: their distance part \
     is added to gx or gy [n, d] directly from the original rows x and y, free of cancellation. */                     \
  void evl_relation_coefficients_##S(size_t n, size_t d, const evl_relation_weights *w, T *dx, T *dy, const T *nx,     \
                                     const T *ny, const T *ix, const T *iy, const T *ox, const T *oy,                  \
                                     const T *close_x, const T *close_y, const T *x, const T *y, T *mean_x,            \
                                     T *mean_y, T *gx, T *gy);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

#endif
