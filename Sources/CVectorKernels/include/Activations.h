// Activations of vision towers and projectors besides the gelu of CVectorKernels.h; conventions as there.
#ifndef EVL_ACTIVATIONS_H
#define EVL_ACTIVATIONS_H

#include <stddef.h>

#define EVL_DECLARE(T, S)                                                                                              \
  /* swish.c */                                                                                                        \
  /* y = x sigmoid(slope x): silu with slope 1, quick gelu with slope 1.702 (Ramachandran et al. 2017) */              \
  void evl_swish_##S(size_t n, T slope, const T *x, T *y);                                                             \
  /* dx = dy swish'(x) */                                                                                              \
  void evl_swish_backward_##S(size_t n, T slope, const T *x, const T *dy, T *dx);                                      \
  /* y = x Phi(x), the exact gelu, Phi the normal distribution's function (Hendrycks and Gimpel 2016) */               \
  void evl_gelu_exact_##S(size_t n, const T *x, T *y);                                                                 \
  void evl_gelu_exact_backward_##S(size_t n, const T *x, const T *dy, T *dx);

EVL_DECLARE(float, f32)
EVL_DECLARE(double, f64)
#undef EVL_DECLARE

#endif
