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

// Whether this process was started by a launcher that speaks MPI (mpirun, mpiexec, srun --mpi=pmix).
bool mp_started_by_launcher(void);

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
// source[outgoing[k]] goes to rank k, what rank k sends comes into destination[incoming[k]].
int mp_exchange(mp_communicator *communicator, const void *source, const mp_range *outgoing, void *destination,
                const mp_range *incoming);

int mp_send(mp_communicator *communicator, const void *bytes, size_t count, int destination);
int mp_receive(mp_communicator *communicator, void *bytes, size_t count, int source);

// Signals that ask for an orderly stop: the handler stores the signal's number and does nothing else.
int mp_watch_stop_signals(void);
int mp_stop_signal(void);

// Writes the processors this process may run on into processors (at most capacity); returns how many there are, or -1.
int mp_affinity(int *processors, int capacity);

#endif
