#include "exponential.h"
#include "lanes.h"

// The bits of numbers that are not negative are ordered as the numbers are.
static inline uint64_t bits_f32(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline uint64_t bits_f64(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

#define BODY "distributions.inc"
#include "instantiate.h"
