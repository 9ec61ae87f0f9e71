// Portable loops, compiled for several instruction sets; the loader picks the widest one the processor has.
// Each function exists for float (suffix _f32) and double (_f64). Arrays are contiguous, row-major, and do not overlap
// unless said. Sums run over sixteen lanes of fixed order, so one instruction set always gives the same bits.
#ifndef C_VECTOR_KERNELS_H
#define C_VECTOR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "Activations.h"
#include "Methods.h"
#include "Pixels.h"
#include "Reduction.h"
#include "Relations.h"
#include "Rounding.h"
#include "Streaming.h"
#include "Transport.h"

// AdamW with decoupled weight decay (Loshchilov and Hutter 2019); the corrections are 1 / (1 - beta^t).
typedef struct {
  double learning_rate, beta1, beta2, epsilon, weight_decay, correction1, correction2, gradient_scale;
} evl_adamw;

#define EVL_DECLARE(T, S)                                                                                              \
  /* arithmetic.c */                                                                                                   \
  /* y += a x */                                                                                                       \
  void evl_axpy_##S(size_t n, T a, const T *x, T *y);                                                                  \
  /* y = a x; y may be x */                                                                                            \
  void evl_scale_##S(size_t n, T a, const T *x, T *y);                                                                 \
  /* z = x + y */                                                                                                      \
  void evl_add_##S(size_t n, const T *x, const T *y, T *z);                                                            \
  /* z = x * y, element by element */                                                                                  \
  void evl_multiply_##S(size_t n, const T *x, const T *y, T *z);                                                       \
  /* sum of squares, accumulated in double */                                                                          \
  double evl_sum_of_squares_##S(size_t n, const T *x);                                                                 \
  /* 1 where no element is NaN or infinite, else 0 */                                                                  \
  int evl_is_finite_##S(size_t n, const T *x);                                                                         \
  /* inner product, accumulated in double */                                                                           \
  double evl_dot_##S(size_t n, const T *x, const T *y);                                                                \
  /* each row of y[rows, n] += bias[n] */                                                                              \
  void evl_add_bias_##S(size_t rows, size_t n, const T *bias, T *y);                                                   \
  /* sum[n] += the rows of x[rows, n], first row first */                                                              \
  void evl_add_rows_##S(size_t rows, size_t n, const T *x, T *sum);                                                    \
                                                                                                                       \
  /* activations.c */                                                                                                  \
  /* y = e^x, relative error below 4 units in the last place; 0 below the range, infinity above it */                  \
  void evl_exp_##S(size_t n, const T *x, T *y);                                                                        \
  /* y = gelu(x), tanh form (Hendrycks and Gimpel 2016) */                                                             \
  void evl_gelu_##S(size_t n, const T *x, T *y);                                                                       \
  /* dx = dy gelu'(x) */                                                                                               \
  void evl_gelu_backward_##S(size_t n, const T *x, const T *dy, T *dx);                                                \
  /* y = silu(gate) up (SwiGLU, Shazeer 2020) */                                                                       \
  void evl_swiglu_##S(size_t n, const T *gate, const T *up, T *y);                                                     \
  void evl_swiglu_backward_##S(size_t n, const T *gate, const T *up, const T *dy, T *dgate, T *dup);                   \
                                                                                                                       \
  /* normalisation.c */                                                                                                \
  /* y = (x - mean) rstd weight + bias per row; mean[rows] and rstd[rows] are kept for backward */                     \
  void evl_layer_norm_##S(size_t rows, size_t n, T eps, const T *x, const T *weight, const T *bias, T *y, T *mean,     \
                          T *rstd);                                                                                    \
  /* dx = gradient of x; dweight and dbias are added to */                                                             \
  void evl_layer_norm_backward_##S(size_t rows, size_t n, const T *x, const T *weight, const T *mean, const T *rstd,   \
                                   const T *dy, T *dx, T *dweight, T *dbias);                                          \
  /* y = x rstd weight, rstd = 1 / sqrt(mean(x^2) + eps) (Zhang and Sennrich 2019) */                                  \
  void evl_rms_norm_##S(size_t rows, size_t n, T eps, const T *x, const T *weight, T *y, T *rstd);                     \
  void evl_rms_norm_backward_##S(size_t rows, size_t n, const T *x, const T *weight, const T *rstd, const T *dy,       \
                                 T *dx, T *dweight);                                                                   \
                                                                                                                       \
  /* softmax.c */                                                                                                      \
  /* In place, per row of x[rows, n]: softmax of scale x over the columns with mask[column] != 0 (mask may be NULL)    \
     and, when causal, column <= row + shift; the others become 0. A row without a visible column becomes 0. */        \
  void evl_softmax_##S(size_t rows, size_t n, T scale, const uint8_t *mask, int causal, size_t shift, T *x);           \
  /* In place on dp: ds = scale p (dp - sum(p dp)) per row */                                                          \
  void evl_softmax_backward_##S(size_t rows, size_t n, T scale, const T *p, T *dp);                                    \
  /* Cross-entropy of a row against a label, in place: x becomes weight (softmax(x) - onehot(label)); returns          \
     log(sum(e^x)) - x[label] */                                                                                       \
  double evl_cross_entropy_##S(size_t n, size_t label, T weight, T *x);                                                \
                                                                                                                       \
  /* rotary.c */                                                                                                       \
  /* Rotary positions in the half-split layout (Su et al. 2021, "rotate half"), in place on x[rows, heads, width] with \
     row stride; pair (i, i + width/2) is turned by angle positions[row] frequency[i], by its negative when inverse.   \
     cosine and sine: [rows, width/2] */                                                                               \
  void evl_rotary_##S(size_t rows, size_t heads, size_t width, size_t stride, const T *cosine, const T *sine,          \
                      int inverse, T *x);                                                                              \
                                                                                                                       \
  /* optimizer.c */                                                                                                    \
  void evl_adamw_##S(size_t n, const evl_adamw *settings, const T *gradient, T *weight, T *moment1, T *moment2,        \
                     void *rounded);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

// The instruction set that the processor picks of those this library is compiled for: "x86-64-v4", "x86-64-v3", "plain".
const char *evl_instruction_set(void);

// Runs that many rounds of independent fused multiply-adds on registers of 256 or 512 bits; returns the operations done.
double evl_peak_256(size_t rounds);
double evl_peak_512(size_t rounds);

#endif
