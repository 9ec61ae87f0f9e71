// Portable loops, compiled for several instruction sets; the loader picks the widest one the processor has.
// Each function exists for float (suffix _f32) and double (_f64). Arrays are contiguous and may not overlap unless said.
#ifndef C_VECTOR_KERNELS_H
#define C_VECTOR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define EVL_DECLARE(T, S)                                                                                              \
  /* y += a x */                                                                                                       \
  void evl_axpy_##S(size_t n, T a, const T *x, T *y);                                                                  \
  /* y = a x */                                                                                                        \
  void evl_scale_##S(size_t n, T a, const T *x, T *y);                                                                 \
  /* sum of squares, accumulated in double over lanes of fixed order */                                                \
  double evl_sum_of_squares_##S(size_t n, const T *x);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

#endif
