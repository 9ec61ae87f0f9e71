// e^x as a branch-free polynomial that vectorises: x = k ln 2 + r, |r| <= ln 2 / 2, e^x = 2^k e^r.
#include <stdint.h>
#include <string.h>

// Of x up to 88, as in a softmax.
static inline __attribute__((always_inline)) float exp_float_below(float x) {
  const float clamped = x < -87.0f ? -87.0f : x;
  // Adding 1.5 2^23 rounds to the nearest integer and leaves it in the low mantissa bits.
  const float shifted = clamped * 1.44269504088896341f + 12582912.0f;
  const float k = shifted - 12582912.0f;
  float r = clamped - k * 0.693359375f;
  r = r - k * -2.12194440e-4f;
  float p = 1.9841270e-4f;
  p = p * r + 1.3888889e-3f;
  p = p * r + 8.3333333e-3f;
  p = p * r + 4.1666667e-2f;
  p = p * r + 1.6666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t bits;
  memcpy(&bits, &shifted, 4);
  bits = (int32_t)((uint32_t)(bits - 0x4B400000 + 127) << 23);
  float power;
  memcpy(&power, &bits, 4);
  const float y = p * power;
  return x < -87.0f ? 0.0f : y;
}

static inline __attribute__((always_inline)) float exp_float(float x) {
  return x > 88.0f ? __builtin_inff() : exp_float_below(x);
}

// Of x up to 709.
static inline __attribute__((always_inline)) double exp_double_below(double x) {
  const double clamped = x < -708.0 ? -708.0 : x;
  const double shifted = clamped * 1.4426950408889634074 + 6755399441055744.0;
  const double k = shifted - 6755399441055744.0;
  double r = clamped - k * 6.93147180369123816490e-01;
  r = r - k * 1.90821492927058770002e-10;
  double p = 1.6059043836821614599e-10;
  p = p * r + 2.0876756987868098979e-9;
  p = p * r + 2.5052108385441718775e-8;
  p = p * r + 2.7557319223985890653e-7;
  p = p * r + 2.7557319223985890653e-6;
  p = p * r + 2.4801587301587301587e-5;
  p = p * r + 1.9841269841269841270e-4;
  p = p * r + 1.3888888888888888889e-3;
  p = p * r + 8.3333333333333333333e-3;
  p = p * r + 4.1666666666666666667e-2;
  p = p * r + 1.6666666666666666667e-1;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  int64_t bits;
  memcpy(&bits, &shifted, 8);
  bits = (int64_t)((uint64_t)(bits - 0x4338000000000000LL + 1023) << 52);
  double power;
  memcpy(&power, &bits, 8);
  const double y = p * power;
  return x < -708.0 ? 0.0 : y;
}

static inline __attribute__((always_inline)) double exp_double(double x) {
  return x > 709.0 ? __builtin_inf() : exp_double_below(x);
}
