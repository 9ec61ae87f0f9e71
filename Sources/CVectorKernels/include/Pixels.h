// Loops over 8-bit pixels. Whole numbers: every instruction set gives the same bits.
#ifndef EVL_PIXELS_H
#define EVL_PIXELS_H

#include <stddef.h>
#include <stdint.h>

// Weighted sums of neighbours in fixed point with 22 fraction bits, rounded and clipped to 0 ... 255. Result k takes
// count[k] neighbours from first[k] on, with the weights from weights[k * reach] on.

// y[rows, new_width, 3] from x[rows, width, 3].
void evl_resize_horizontally(size_t rows, size_t width, size_t new_width, size_t reach, const int32_t *first,
                             const int32_t *count, const int32_t *weights, const uint8_t *x, uint8_t *y);
// y[new_height, n] from x[height, n].
void evl_resize_vertically(size_t n, size_t new_height, size_t reach, const int32_t *first, const int32_t *count,
                           const int32_t *weights, const uint8_t *x, uint8_t *y);

#endif
