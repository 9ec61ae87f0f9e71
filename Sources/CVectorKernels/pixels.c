#include "CVectorKernels.h"
#include "clones.h"

// The fixed-point form of Pillow's Resample.c for 8-bit channels: weights are scaled by 2^22 and sums begin with a half.
#define PRECISION 22
#define HALF (1 << (PRECISION - 1))

static inline __attribute__((always_inline)) uint8_t clipped(int32_t sum) {
  const int32_t value = sum >> PRECISION;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

EVL_CLONES void evl_resize_horizontally(size_t rows, size_t width, size_t new_width, size_t reach, const int32_t *first,
                                        const int32_t *count, const int32_t *weights, const uint8_t *x, uint8_t *y) {
  for (size_t row = 0; row < rows; row++, x += 3 * width)
    for (size_t column = 0; column < new_width; column++, y += 3) {
      const uint8_t *from = x + 3 * (size_t)first[column];
      const int32_t *weight = weights + column * reach, n = count[column];
      int32_t red = HALF, green = HALF, blue = HALF;
      for (int32_t i = 0; i < n; i++, from += 3) {
        red += from[0] * weight[i];
        green += from[1] * weight[i];
        blue += from[2] * weight[i];
      }
      y[0] = clipped(red);
      y[1] = clipped(green);
      y[2] = clipped(blue);
    }
}

EVL_CLONES void evl_resize_vertically(size_t n, size_t new_height, size_t reach, const int32_t *first,
                                      const int32_t *count, const int32_t *weights, const uint8_t *x, uint8_t *y) {
  for (size_t row = 0; row < new_height; row++, y += n) {
    const uint8_t *from = x + (size_t)first[row] * n;
    const int32_t *weight = weights + row * reach;
    for (size_t start = 0; start < n; start += 256) {
      const size_t width = n - start < 256 ? n - start : 256;
      int32_t sum[256];
      for (size_t j = 0; j < width; j++) sum[j] = HALF;
      for (int32_t i = 0; i < count[row]; i++)
        for (size_t j = 0; j < width; j++) sum[j] += from[(size_t)i * n + start + j] * weight[i];
      for (size_t j = 0; j < width; j++) y[start + j] = clipped(sum[j]);
    }
  }
}
