#ifndef EVL_REDUCTION_H
#define EVL_REDUCTION_H

#include <stddef.h>
#include <stdint.h>

// target = ((target + terms[0]) + terms[1]) + ..., or with `starts` = (terms[0] + terms[1]) + ...; at least one term then.
// With `streams` the target is written past the cache.
void evl_fold_f32(size_t count, float *target, int starts, int streams, const float *const *terms, size_t term_count);

// A sum over memory that any change of one 32-bit word changes. Not cryptographic.
uint64_t evl_checksum(size_t bytes, const void *memory);

#endif
