// Message passing as operations, not handles: MPI's own names (MPI_COMM_WORLD, MPI_INT64_T) are macros that Swift cannot
// see and that differ between Open MPI and MPICH, so none of them leaves this library.
//
// Functions that return int return 0 on success; mp_describe_error puts any other code into words. Counts are in bytes or
// elements as size_t; whatever is longer than a communicator's piece is cut into pieces. One thread makes all the calls.

#ifndef C_MESSAGE_PASSING_H
#define C_MESSAGE_PASSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "MessagePassingStatus.h"

typedef struct mp_communicator mp_communicator;

// Bytes lower ..< upper of a memory.
typedef struct {
  size_t lower;
  size_t upper;
} mp_range;

typedef enum { MP_SUM, MP_MAXIMUM, MP_MINIMUM } mp_reduction;

// Starts MPI and duplicates its world, with the ranks renumbered node by node.
// piece: the most bytes in one MPI call, at most 2^30; 0 means 2^30.
int mp_start(size_t piece, mp_communicator **result);

// Frees the communicator and ends MPI. All ranks call it.
int mp_finish(mp_communicator *communicator);

// Ends every rank of the job; mpirun exits with the code. Does not return.
_Noreturn void mp_abort(mp_communicator *communicator, int code);

// The page of this node, where this rank's slot is its local rank. The caller releases it; it may outlive the communicator.
mp_page *mp_page_of(const mp_communicator *communicator);

int mp_rank(const mp_communicator *communicator);
int mp_size(const mp_communicator *communicator);
int mp_node(const mp_communicator *communicator);
int mp_node_count(const mp_communicator *communicator);
int mp_local_rank(const mp_communicator *communicator);
int mp_local_size(const mp_communicator *communicator);

void mp_describe_error(int code, char *text, size_t capacity);
void mp_library_version(char *text, size_t capacity);

// Collectives: all ranks call them, in the same order.
int mp_barrier(mp_communicator *communicator);
int mp_broadcast(mp_communicator *communicator, void *bytes, size_t count, int root);
int mp_reduce_int64(mp_communicator *communicator, int64_t *values, size_t count, mp_reduction reduction);
// Extremes alone: a sum of doubles would depend on the order in which MPI adds.
int mp_reduce_double(mp_communicator *communicator, double *values, size_t count, mp_reduction reduction);
// incoming (one range of destination a rank) and destination are read on the root alone.
int mp_gather(mp_communicator *communicator, const void *bytes, size_t count, void *destination,
              const mp_range *incoming, int root);
// In place: rank k's bytes lie in ranges[k] of memory before, everyone's after.
int mp_all_gather(mp_communicator *communicator, void *memory, const mp_range *ranges);

int mp_send(mp_communicator *communicator, const void *bytes, size_t count, int destination);
int mp_receive(mp_communicator *communicator, void *bytes, size_t count, int source);

// Messages that travel while the ranks compute. Those of one kind between two ranks arrive in the order in which they were
// started. They move on only within calls of this library. count is at most mp_largest_transfer.
typedef struct mp_transfer mp_transfer;

int mp_start_send(mp_communicator *communicator, const void *bytes, size_t count, int destination, int kind,
                  mp_transfer **result);
int mp_start_receive(mp_communicator *communicator, void *bytes, size_t count, int source, int kind,
                     mp_transfer **result);
int mp_test_transfer(mp_transfer *transfer, bool *is_complete);
void mp_free_transfer(mp_transfer *transfer);
size_t mp_largest_transfer(const mp_communicator *communicator);

// Ranks that sum among themselves, in MPI's own order of adding; kept until the job ends.
typedef struct mp_team mp_team;

// Collective over all ranks: those that give the same color are one team; a negative one belongs to none and gets NULL.
int mp_make_team(mp_communicator *communicator, int color, mp_team **result);
// Collective over the team, in place.
int mp_team_sum_f32(mp_communicator *communicator, mp_team *team, float *values, size_t count);

// Memory that the ranks of a node share, all zero: without a name, as a file in /dev/shm, or each rank its own.
typedef struct mp_window mp_window;
typedef enum { MP_WINDOW_ANONYMOUS, MP_WINDOW_NAMED, MP_WINDOW_PRIVATE } mp_window_kind;

// Collective over the ranks of the node, all with the same values: tries the kinds from `first` on. Nothing is left of it
// when a process ends, however it ends.
int mp_window_open(mp_communicator *communicator, size_t bytes, mp_window_kind first, mp_window **result);
// Memory of this process alone.
int mp_window_open_alone(size_t bytes, mp_window **result);
void *mp_window_memory(const mp_window *window);
mp_window_kind mp_window_get_kind(const mp_window *window);
void mp_window_close(mp_window *window);
// Bytes that a file in /dev/shm can have, less what is kept for others; 0 where there is none.
uint64_t mp_shared_memory_room(void);

// A number in shared memory that one rank writes and others read: what was written before it is seen with it.
static inline uint64_t mp_load(const uint64_t *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }
static inline void mp_store(uint64_t *number, uint64_t value) { __atomic_store_n(number, value, __ATOMIC_RELEASE); }
// A moment's rest in a loop that waits for one.
void mp_relax(void);

// Signals that ask for an orderly stop: the handler stores the signal's number and does nothing else.
int mp_watch_stop_signals(void);
int mp_stop_signal(void);
// Seconds since the first of those that announce a kill, SIGTERM and SIGUSR2; -1 before.
double mp_notice_age(void);

// Writes the processors this process may run on into processors (at most capacity); returns how many there are, or -1.
int mp_affinity(int *processors, int capacity);

#endif
