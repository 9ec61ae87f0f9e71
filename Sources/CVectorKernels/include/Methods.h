// Loops of the methods that EVL-ECG is compared with; conventions as in CVectorKernels.h.
#ifndef EVL_METHODS_H
#define EVL_METHODS_H

#include <stddef.h>
#include <stdint.h>

#define EVL_DECLARE(T, S)                                                                                              \
  /* distributions.c */                                                                                                \
  /* KL(p || q) of p = softmax(scale teacher), q = softmax(scale student) over n tokens; gradient = weight (q - p) */  \
  double evl_divergence_##S(size_t n, T scale, T weight, const T *student, const T *teacher, T *gradient);             \
  /* order[n]: places of x by descending value, equal ones by ascending place; x is not negative (where it is, or is   \
     no number, its place is anywhere). scratch: 3 n words. Radix sort, O(n). */                                       \
  void evl_sort_descending_##S(size_t n, const T *x, uint32_t *order, uint64_t *scratch);                              \
  /* Sum over k of |x[order_x[k]] - y[order_y[k]]|, the shorter of x[n] and y[m] continued with 0; sign[n] receives    \
     the sign of the difference at the place of each x, 0 where it is 0 */                                             \
  double evl_sorted_distance_##S(size_t n, const T *x, const uint32_t *order_x, size_t m, const T *y,                  \
                                 const uint32_t *order_y, T *sign);                                                    \
                                                                                                                       \
  /* scores.c */                                                                                                       \
  /* residual[n, n] = x[n, n] less the causal map y[m, m] read at (place_i, place_j), for j <= i; 0 above the diagonal.\
     place_i = lower[i] + fraction[i] lies within 0 ... m - 1; of the four neighbours, those above y's diagonal have   \
     no weight and the others share it. Returns the sum of squares. */                                                 \
  double evl_score_residual_##S(size_t n, size_t m, const uint32_t *lower, const T *fraction, const T *x, const T *y,  \
                                T *residual);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

#endif
