// The page of a node: where each rank is, whether it lives, and how the job ends.

#define _GNU_SOURCE
#include "status.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Two cache lines each, since processors fetch lines in pairs.
typedef struct {
  _Alignas(128) _Atomic int32_t pid;
  _Atomic int32_t has_left;
  _Atomic uint64_t namespace;
  _Atomic int32_t rank;
  _Atomic int32_t phase;
  _Atomic int64_t step;
  _Atomic int64_t turn;
  _Atomic int32_t bucket;
  // Operation in the upper half, peer in the lower: a reader sees both of one wait.
  _Atomic uint64_t wait;
  _Atomic int64_t progress;
  _Alignas(64) _Atomic int64_t beats;
} mp_slot;

struct mp_page {
  size_t mapped;  // bytes; 0 for a page of this process alone
  int slots;
  atomic_int end_code;
  atomic_int end_ordered;
  _Atomic double step_limit;
  _Atomic double grace;
  mp_slot slot[];
};

static size_t page_bytes(int slots) { return sizeof(mp_page) + (size_t)slots * sizeof(mp_slot); }

// The number of this process's namespace of process ids; 0 where the system does not tell.
static uint64_t own_namespace(void) {
  struct stat about;
  return stat("/proc/self/ns/pid", &about) ? 0 : (uint64_t)about.st_ino;
}

int64_t mp_monotonic_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

mp_page *mp_page_create(int slots) {
  mp_page *page = NULL;
  if (posix_memalign((void **)&page, _Alignof(mp_page), page_bytes(slots))) return NULL;
  memset(page, 0, page_bytes(slots));
  page->slots = slots;
  page->step_limit = -1;
  page->grace = -1;
  return page;
}

int mp_page_share(mp_communicator *c, mp_page **result) {
  const size_t bytes = page_bytes(c->local_size);
  mp_window_kind kind = MP_WINDOW_ANONYMOUS;
  void *memory = NULL;
  int code = mp_window_map(c, bytes, &kind, &memory);
  mp_page *page = memory;
  if (page && (kind == MP_WINDOW_PRIVATE || c->local_rank == 0)) {
    page->mapped = bytes;
    page->step_limit = -1;
    page->grace = -1;
    page->slots = c->local_size;
  }
  *result = page;
  // Nobody publishes before it is laid out.
  return code ? code : MPI_Barrier(c->local);
}

void mp_page_release(mp_page *page) {
  if (page->mapped) {
    munmap(page, page->mapped);
  } else {
    free(page);
  }
}

int mp_page_slots(const mp_page *page) { return page->slots; }

static void store(_Atomic int64_t *to, int64_t value) { atomic_store_explicit(to, value, memory_order_release); }
static void store32(_Atomic int32_t *to, int32_t value) { atomic_store_explicit(to, value, memory_order_release); }

static void note_progress(mp_slot *own) { store(&own->progress, mp_monotonic_time()); }

void mp_publish_arrival(mp_page *page, int slot, int rank) {
  mp_slot *own = &page->slot[slot];
  store32(&own->rank, rank);
  store32(&own->bucket, MP_NO_BUCKET);
  atomic_store_explicit(&own->namespace, own_namespace(), memory_order_release);
  note_progress(own);
  store32(&own->pid, (int32_t)getpid());
}

void mp_publish_departure(mp_page *page, int slot) { store32(&page->slot[slot].has_left, 1); }

void mp_publish_turn(mp_page *page, int slot, int64_t step, int phase) {
  mp_slot *own = &page->slot[slot];
  if (step != MP_SAME_STEP) store(&own->step, step);
  store(&own->turn, atomic_load_explicit(&own->turn, memory_order_relaxed) + 1);
  mp_publish_phase(page, slot, phase, MP_NO_BUCKET);
}

void mp_publish_phase(mp_page *page, int slot, int phase, int bucket) {
  mp_slot *own = &page->slot[slot];
  store32(&own->phase, phase);
  store32(&own->bucket, bucket);
  note_progress(own);
}

void mp_publish_wait(mp_page *page, int slot, int operation, int peer) {
  mp_slot *own = &page->slot[slot];
  const uint64_t wait = (uint64_t)(uint32_t)operation << 32 | (uint32_t)peer;
  // Told again in a long wait, which is no progress.
  if (atomic_load_explicit(&own->wait, memory_order_relaxed) == wait) return;
  atomic_store_explicit(&own->wait, wait, memory_order_release);
  note_progress(own);
}

void mp_publish_beat(mp_page *page, int slot) {
  atomic_fetch_add_explicit(&page->slot[slot].beats, 1, memory_order_release);
}

mp_status mp_look(const mp_page *page, int slot) {
  const mp_slot *other = &page->slot[slot];
  const uint64_t wait = atomic_load_explicit(&other->wait, memory_order_acquire);
  return (mp_status){
      .pid = atomic_load_explicit(&other->pid, memory_order_acquire),
      .has_left = atomic_load_explicit(&other->has_left, memory_order_acquire) != 0,
      .namespace = atomic_load_explicit(&other->namespace, memory_order_acquire),
      .rank = atomic_load_explicit(&other->rank, memory_order_acquire),
      .step = atomic_load_explicit(&other->step, memory_order_acquire),
      .turn = atomic_load_explicit(&other->turn, memory_order_acquire),
      .phase = atomic_load_explicit(&other->phase, memory_order_acquire),
      .bucket = atomic_load_explicit(&other->bucket, memory_order_acquire),
      .operation = (int32_t)(wait >> 32),
      .peer = (int32_t)(uint32_t)wait,
      .progress = atomic_load_explicit(&other->progress, memory_order_acquire),
      .beats = atomic_load_explicit(&other->beats, memory_order_acquire),
  };
}

void mp_set_step_limit(mp_page *page, double seconds) { atomic_store(&page->step_limit, seconds); }
double mp_step_limit(const mp_page *page) { return atomic_load(&page->step_limit); }
void mp_set_grace(mp_page *page, double seconds) { atomic_store(&page->grace, seconds); }
double mp_grace(const mp_page *page) { return atomic_load(&page->grace); }

bool mp_claim_end(mp_page *page, int code) {
  int none = 0;
  return atomic_compare_exchange_strong(&page->end_code, &none, code);
}

int mp_claimed_end(const mp_page *page) { return atomic_load(&page->end_code); }
void mp_order_end(mp_page *page) { atomic_store(&page->end_ordered, 1); }
bool mp_is_end_ordered(const mp_page *page) { return atomic_load(&page->end_ordered) != 0; }
