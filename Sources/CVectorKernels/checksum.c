#include <string.h>
#include "CVectorKernels.h"
#include "clones.h"

// One register's worth of running sums; each word of the memory enters one of them.
#define LANES 32

// In each lane sum = sum * odd + word, modulo 2^32: another word anywhere gives another sum of its lane.
EVL_CLONES uint64_t evl_checksum(size_t bytes, const void *memory) {
  const unsigned char *from = memory;
  uint32_t lane[LANES];
  for (size_t j = 0; j < LANES; j++) lane[j] = 0x9e3779b9u + (uint32_t)j;
  uint32_t word[LANES];
  size_t at = 0;
  for (; at + sizeof word <= bytes; at += sizeof word) {
    memcpy(word, from + at, sizeof word);
    for (size_t j = 0; j < LANES; j++) lane[j] = lane[j] * 0x01000193u + word[j];
  }
  memset(word, 0, sizeof word);
  memcpy(word, from + at, bytes - at);
  uint64_t sum = (uint64_t)bytes;
  for (size_t j = 0; j < LANES; j++) {
    lane[j] = lane[j] * 0x01000193u + word[j];
    sum = sum * 0x00000100000001b3u + lane[j];
  }
  return sum;
}
