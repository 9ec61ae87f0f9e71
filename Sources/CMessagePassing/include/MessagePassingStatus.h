// The page on which the ranks of a node publish where they are, and each sees the others without a message.
//
// All functions are a few atomic loads or stores: no locks, no allocation, no MPI. Any thread may call them.

#ifndef MESSAGE_PASSING_STATUS_H
#define MESSAGE_PASSING_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mp_page mp_page;

enum { MP_NO_BUCKET = -1, MP_EVERYONE = -1, MP_SAME_STEP = -1 };

// What one rank has published; times in nanoseconds of the host's monotonic clock.
typedef struct {
  int32_t pid;             // 0: not there yet, or this rank cannot see it
  bool has_left;           // ended in order
  uint64_t namespace;      // in which pid has its meaning
  int32_t rank;
  int64_t step;            // 0: before the first
  int64_t turn;            // counts up where the clock of the step limit starts anew
  int32_t phase;
  int32_t bucket;
  int32_t operation;       // that it waits in; 0: none
  int32_t peer;            // rank it waits for, or MP_EVERYONE
  int64_t progress;        // time of the last sign of the rank itself
  int64_t beats;           // of its helper thread
} mp_status;

// A page of this process alone; NULL where there is no memory.
mp_page *mp_page_create(int slots);
// Unmaps or frees the page.
void mp_page_release(mp_page *page);
int mp_page_slots(const mp_page *page);

void mp_publish_arrival(mp_page *page, int slot, int rank);
void mp_publish_departure(mp_page *page, int slot);
void mp_publish_turn(mp_page *page, int slot, int64_t step, int phase);
void mp_publish_phase(mp_page *page, int slot, int phase, int bucket);
void mp_publish_wait(mp_page *page, int slot, int operation, int peer);
void mp_publish_beat(mp_page *page, int slot);
mp_status mp_look(const mp_page *page, int slot);
int64_t mp_monotonic_time(void);

// Notes that the job ends with this code, which is not 0. True for the first of the page, who prints the last message.
bool mp_claim_end(mp_page *page, int code);
// The code of the first claim, or 0.
int mp_claimed_end(const mp_page *page);
// Nobody else will end the ranks: each that sees this ends itself.
void mp_order_end(mp_page *page);
bool mp_is_end_ordered(const mp_page *page);

// The longest a step may take, in seconds, the same for all ranks: 0 for ever, negative while nobody has said.
void mp_set_step_limit(mp_page *page, double seconds);
double mp_step_limit(const mp_page *page);

// How long after a notice (mp_notice_age) the ranks may go on, in seconds; negative: nobody said.
void mp_set_grace(mp_page *page, double seconds);
double mp_grace(const mp_page *page);

// Whether there is no such process; one system call.
bool mp_is_gone(int32_t pid);
// Whether the process has ended and only its parent has not asked yet; reads a file.
bool mp_is_zombie(int32_t pid);
// Whether that process runs the same program as this one.
bool mp_is_same_program(int32_t pid);
// Sends SIGKILL to the processes after that time, from a process of its own that outlives this one.
void mp_kill_later(const int32_t *pids, int count, unsigned microseconds);
// Whether a file was opened by anyone else, or that cannot be told: by a lease, which the kernel grants the only opener.
bool mp_may_be_in_use(const char *path);

#endif
