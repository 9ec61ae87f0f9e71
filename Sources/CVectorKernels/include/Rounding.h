// bfloat16, the upper half of a float; conventions as in CVectorKernels.h. x is [rows, n] with a row stride, y contiguous;
// bfloat16 numbers are 16-bit words.
#ifndef EVL_ROUNDING_H
#define EVL_ROUNDING_H

#include <stddef.h>
#include <stdint.h>

#define EVL_DECLARE(T, S)                                                                                              \
  /* y = x rounded to nearest, ties to even (a double passes through float) */                                         \
  void evl_round_##S(size_t rows, size_t n, size_t stride, const T *x, void *y);                                       \
  /* The same with the results kept in T */                                                                            \
  void evl_round_values_##S(size_t rows, size_t n, size_t stride, const T *x, T *y);                                 \
  /* y = x, exactly; x may lie at any address */                                                                       \
  void evl_widen_rounded_##S(size_t rows, size_t n, size_t stride, const void *x, T *y);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

// Whether none of the bfloat16 numbers x[n] is infinite or no number.
int evl_rounded_is_finite(size_t n, const void *x);

// Whether the processor multiplies bfloat16 numbers (AVX512_BF16).
int evl_has_bf16(void);

#endif
