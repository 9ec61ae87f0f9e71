#include <string.h>
#include "CVectorKernels.h"
#include "clones.h"

// Elements that stay in the first-level cache while all their terms are added.
#define BLOCK 1024
#define WIDTH 8
typedef float vector __attribute__((vector_size(4 * WIDTH)));

// Past the cache, for memory that is not read again soon: a plain store would fetch what it overwrites.
#if defined(__clang__)
#define STREAM(value, place) __builtin_nontemporal_store(value, place)
#else
#define STREAM(value, place) (*(place) = (value))
#endif

EVL_CLONES void evl_fold_f32(size_t count, float *target, int starts, int streams, const float *const *terms,
                             size_t term_count) {
  float sum[BLOCK] __attribute__((aligned(64)));
  const int is_aligned = ((uintptr_t)target & (sizeof(vector) - 1)) == 0;
  for (size_t at = 0; at < count; at += BLOCK) {
    const size_t n = count - at < BLOCK ? count - at : BLOCK;
    memcpy(sum, (starts ? terms[0] : target) + at, n * sizeof *sum);
    for (size_t k = starts ? 1 : 0; k < term_count; k++) {
      const float *term = terms[k] + at;
      for (size_t i = 0; i < n; i++) sum[i] += term[i];
    }
    if (streams && is_aligned && n % WIDTH == 0) {
      for (size_t i = 0; i < n; i += WIDTH) {
        vector value;
        memcpy(&value, sum + i, sizeof value);
        STREAM(value, (vector *)(void *)(target + at + i));
      }
    } else {
      memcpy(target + at, sum, n * sizeof *sum);
    }
  }
  // What went past the cache is seen by others no later than what follows.
  if (streams) __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
