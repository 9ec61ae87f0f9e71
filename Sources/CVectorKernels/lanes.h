// Sums over sixteen running lanes; `term` sees the index i. The order of additions is the same for any vector width.
#define EVL_LANE_SUM(result, n, term)                                                                                  \
  {                                                                                                                    \
    T lane[16] = {0};                                                                                                  \
    size_t base = 0;                                                                                                   \
    for (; base + 16 <= (n); base += 16)                                                                               \
      for (size_t j = 0; j < 16; j++) {                                                                                \
        const size_t i = base + j;                                                                                     \
        lane[j] += (term);                                                                                             \
      }                                                                                                                \
    for (size_t j = 0; base + j < (n); j++) {                                                                          \
      const size_t i = base + j;                                                                                       \
      lane[j] += (term);                                                                                               \
    }                                                                                                                  \
    for (size_t width = 8; width > 0; width /= 2)                                                                      \
      for (size_t j = 0; j < width; j++) lane[j] += lane[j + width];                                                   \
    result = lane[0];                                                                                                  \
  }
