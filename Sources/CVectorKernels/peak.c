#include "CVectorKernels.h"
#include "clones.h"

// Twelve independent chains hide the latency of a fused multiply-add and leave registers for the two factors.
#define EVL_CHAINS 12

#define EVL_PEAK(NAME, LANES)                                                                                          \
  typedef float NAME##_vector __attribute__((vector_size(4 * LANES)));                                                 \
  EVL_CLONES double NAME(size_t rounds) {                                                                              \
    NAME##_vector a[EVL_CHAINS];                                                                                       \
    for (int j = 0; j < EVL_CHAINS; j++)                                                                               \
      for (int i = 0; i < LANES; i++) a[j][i] = (float)(i + j);                                                        \
    const NAME##_vector x = a[0] * 0 + 0.999f, y = a[0] * 0 + 1e-3f;                                                   \
    for (size_t round = 0; round < rounds; round++)                                                                    \
      for (int j = 0; j < EVL_CHAINS; j++) a[j] = a[j] * x + y;                                                        \
    float keep = 0;                                                                                                    \
    for (int j = 0; j < EVL_CHAINS; j++)                                                                               \
      for (int i = 0; i < LANES; i++) keep += a[j][i];                                                                 \
    /* The sum is used, so that the loop is not removed. */                                                            \
    return 2.0 * EVL_CHAINS * LANES * (double)rounds + (keep == 12345.0f ? 1.0 : 0.0);                                 \
  }

EVL_PEAK(evl_peak_256, 8)
EVL_PEAK(evl_peak_512, 16)
