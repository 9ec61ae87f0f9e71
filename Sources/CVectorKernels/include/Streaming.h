// Products of a few rows with matrices much larger than the caches: each weight is read from memory once.
#ifndef EVL_STREAMING_H
#define EVL_STREAMING_H

#include <stddef.h>
#include <stdint.h>

// y[m, n] = x[m, k] w[n, k]^T with row strides x_stride, w_stride and y_stride, sums in single precision. Each sum runs
// over 16 lanes of fixed order, whatever m is.
void evl_stream_product_f32(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const float *w,
                            size_t w_stride, float *y, size_t y_stride);
// The same with w in bfloat16, widened in registers.
void evl_stream_product_rounded(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const void *w,
                                size_t w_stride, float *y, size_t y_stride);
// The same with w in half precision.
void evl_stream_product_half(size_t m, size_t n, size_t k, const float *x, size_t x_stride, const void *w,
                             size_t w_stride, float *y, size_t y_stride);

// Reads n words and returns their exclusive or.
uint64_t evl_stream_read(size_t n, const uint64_t *x);

// Tells the processor that this thread looks at a value again and again.
static inline void evl_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#define EVL_DECLARE(T, S)                                                                                              \
  /* attention.c */                                                                                                    \
  /* One row of queries q[heads, width] against n rows of keys[key_heads, width] and values[key_heads, value_width]    \
     with row strides: y[heads, value_width], head h = softmax(scale q_h K_g^T) V_g, g = h / (heads / key_heads).      \
     scores: n numbers of scratch. */                                                                                  \
  void evl_attend_row_##S(size_t heads, size_t key_heads, size_t width, size_t value_width, size_t n, T scale,         \
                          const T *q, const T *keys, size_t key_stride, const T *values, size_t value_stride,          \
                          T *scores, T *y);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

#endif
