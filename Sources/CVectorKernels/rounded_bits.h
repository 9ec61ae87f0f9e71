// The upper half of a float, to nearest, ties to even; NaN keeps its quiet bit.
#include <stdint.h>
#include <string.h>

static inline __attribute__((always_inline)) uint32_t evl_rounded_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = bits + 0x7FFFu + (bits >> 16 & 1u);
  return value != value ? (bits | 0x400000u) & 0xFFFF0000u : rounded & 0xFFFF0000u;
}
