#define BODY "rounding.inc"
#include "instantiate.h"

int evl_rounded_is_finite(size_t n, const void *source) {
  const uint16_t *x = source;
  int any = 0;
  for (size_t i = 0; i < n; i++) any |= (x[i] & 0x7F80) == 0x7F80;
  return !any;
}

int evl_has_bf16(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return 0;
#endif
}
