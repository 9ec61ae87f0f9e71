// Numbers of 16 bits: bfloat16, the upper half of a float, and half precision (IEEE 754 binary16); conventions as in
// CVectorKernels.h. x is [rows, n] with a row stride, y contiguous; the numbers are 16-bit words.
#ifndef EVL_ROUNDING_H
#define EVL_ROUNDING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EVL_DECLARE(T, S)                                                                                              \
  /* y = x rounded to nearest, ties to even (a double passes through float) */                                         \
  void evl_round_##S(size_t rows, size_t n, size_t stride, const T *x, void *y);                                       \
  /* The same with the results kept in T */                                                                            \
  void evl_round_values_##S(size_t rows, size_t n, size_t stride, const T *x, T *y);                                 \
  /* y = x, exactly; x may lie at any address */                                                                       \
  void evl_widen_rounded_##S(size_t rows, size_t n, size_t stride, const void *x, T *y);                               \
  /* y = x in half precision, exactly; x may lie at any address */                                                     \
  void evl_widen_half_##S(size_t rows, size_t n, size_t stride, const void *x, T *y);                                  \
  /* y = x in half precision rounded to bfloat16, kept in T */                                                         \
  void evl_round_half_values_##S(size_t rows, size_t n, size_t stride, const void *x, T *y);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

// Whether none of the bfloat16 numbers x[n] is infinite or no number.
int evl_rounded_is_finite(size_t n, const void *x);
// The same of numbers in half precision.
int evl_half_is_finite(size_t n, const void *x);

// y = x in half precision rounded to bfloat16
void evl_round_half(size_t rows, size_t n, size_t stride, const void *x, void *y);

// A number in half precision, exactly. The exponent is moved from 5 bits with bias 15 to 8 with bias 127. Below 2^-14 there
// is no leading one: it is put there and subtracted, so no number smaller than a float's normal ones ever occurs, which
// some processors are slow with.
static inline __attribute__((always_inline)) float evl_half_value(uint16_t x) {
  const uint32_t magnitude = x & 0x7FFFu;
  const int is_small = magnitude < 0x0400u;
  const uint32_t bits = (magnitude << 13) + (112u << 23) + (is_small ? 1u << 23 : 0u)
                        + (magnitude >= 0x7C00u ? 112u << 23 : 0u);
  float value;
  memcpy(&value, &bits, sizeof value);
  value -= is_small ? 0x1p-14f : 0.0f;
  uint32_t result;
  memcpy(&result, &value, sizeof result);
  result |= (uint32_t)(x & 0x8000u) << 16;
  memcpy(&value, &result, sizeof value);
  return value;
}

// Whether the processor multiplies bfloat16 numbers (AVX512_BF16).
int evl_has_bf16(void);

#endif
