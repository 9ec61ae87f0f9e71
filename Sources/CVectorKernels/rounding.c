#include "rounded_bits.h"
#define BODY "rounding.inc"
#include "instantiate.h"

// Whether in none of the words all bits of the exponent are set.
static int is_finite(size_t n, const uint16_t *x, uint16_t exponent) {
  int any = 0;
  for (size_t i = 0; i < n; i++) any |= (x[i] & exponent) == exponent;
  return !any;
}

int evl_rounded_is_finite(size_t n, const void *x) { return is_finite(n, x, 0x7F80); }

int evl_half_is_finite(size_t n, const void *x) { return is_finite(n, x, 0x7C00); }

EVL_CLONES void evl_round_half(size_t rows, size_t n, size_t stride, const void *source, void *result) {
  const uint16_t *x = source;
  uint16_t *y = result;
  for (size_t row = 0; row < rows; row++, x += stride, y += n)
    for (size_t i = 0; i < n; i++) y[i] = (uint16_t)(evl_rounded_bits(evl_half_value(x[i])) >> 16);
}

int evl_has_bf16(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return 0;
#endif
}
