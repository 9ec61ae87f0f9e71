#include <string.h>
#include "CVectorKernels.h"
#include "clones.h"

// Vectors pass between these functions through memory that inlining removes: by value, the wide ones would need a
// calling convention that the plainest processor lacks.
#define INLINED static inline __attribute__((always_inline))

// Lanes of one sum, and of them those in one register.
#define LANES 16
#define WIDTH 8
typedef float vector __attribute__((vector_size(4 * WIDTH)));

// Bytes that a row is fetched ahead of its use: what one core needs to keep the memory busy.
#define AHEAD 2048
#define CACHE_LINE 64

// Rows of x that meet a row of weights at once: what the registers hold.
#define TILE 4

typedef uint16_t rounded;
typedef uint16_t half;

INLINED void load_f32(const float *x, vector *y) { memcpy(y, x, sizeof *y); }

INLINED void load_rounded(const rounded *x, vector *y) {
  typedef uint16_t halves __attribute__((vector_size(2 * WIDTH)));
  typedef uint32_t words __attribute__((vector_size(4 * WIDTH)));
  halves upper;
  memcpy(&upper, x, sizeof upper);
  const words bits = __builtin_convertvector(upper, words) << 16;
  memcpy(y, &bits, sizeof *y);
}

// One instruction of a processor that has such a conversion, the two wider variants among them; elsewhere a function call a
// number, with the same result.
INLINED void load_half(const half *x, vector *y) {
  typedef _Float16 halves __attribute__((vector_size(2 * WIDTH)));
  halves narrow;
  memcpy(&narrow, x, sizeof narrow);
  *y = __builtin_convertvector(narrow, vector);
}

INLINED float value_f32(float x) { return x; }

INLINED float value_half(half x) { return evl_half_value(x); }

INLINED float value_rounded(rounded x) {
  const uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

#define W float
#define WEIGHT(f) f##_f32
#include "streaming.inc"
#undef W
#undef WEIGHT

#define W rounded
#define WEIGHT(f) f##_rounded
#include "streaming.inc"
#undef W
#undef WEIGHT

#define W half
#define WEIGHT(f) f##_half
#include "streaming.inc"
#undef W
#undef WEIGHT

void evl_stream_product_f32(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const float *w,
                            size_t w_stride, float *y, size_t y_stride) {
  product_f32(m, n, k, x, x_stride, w, w_stride, y, y_stride);
}

void evl_stream_product_rounded(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const void *w,
                                size_t w_stride, float *y, size_t y_stride) {
  product_rounded(m, n, k, x, x_stride, w, w_stride, y, y_stride);
}

void evl_stream_product_half(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const void *w,
                             size_t w_stride, float *y, size_t y_stride) {
  product_half(m, n, k, x, x_stride, w, w_stride, y, y_stride);
}

EVL_CLONES uint64_t evl_stream_read(size_t n, const uint64_t *x) {
  uint64_t lane[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (size_t byte = 0; byte < LANES * sizeof(uint64_t); byte += CACHE_LINE)
      __builtin_prefetch((const char *)(x + i) + AHEAD + byte);
    for (size_t j = 0; j < LANES; j++) lane[j] ^= x[i + j];
  }
  uint64_t all = 0;
  for (; i < n; i++) all ^= x[i];
  for (size_t j = 0; j < LANES; j++) all ^= lane[j];
  return all;
}
