// Collective operations and messages, cut into pieces that MPI's int counts can hold.

#include <stdlib.h>
#include <string.h>

#include "communicator.h"

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static size_t length(mp_range range) { return range.upper > range.lower ? range.upper - range.lower : 0; }

static size_t pieces(const mp_communicator *c, size_t count) { return (count + c->piece - 1) / c->piece; }

// The non-blocking sends and receives of one operation. Pieces between one pair of ranks arrive in the order they were sent.
typedef struct {
  MPI_Request *requests;
  size_t count;
  int code;
} mp_batch;

static mp_batch make_batch(size_t capacity) {
  mp_batch batch = {malloc((capacity + 1) * sizeof(MPI_Request)), 0, MPI_SUCCESS};
  if (!batch.requests) batch.code = MPI_ERR_NO_MEM;
  return batch;
}

static void add_receive(mp_communicator *c, mp_batch *batch, char *bytes, size_t count, int source, int tag) {
  for (size_t at = 0; at < count && !batch->code; at += c->piece) {
    batch->code = MPI_Irecv(bytes + at, (int)least(c->piece, count - at), MPI_BYTE, source, tag, c->ranks,
                            &batch->requests[batch->count]);
    if (!batch->code) batch->count++;
  }
}

static void add_send(mp_communicator *c, mp_batch *batch, const char *bytes, size_t count, int destination, int tag) {
  for (size_t at = 0; at < count && !batch->code; at += c->piece) {
    batch->code = MPI_Isend(bytes + at, (int)least(c->piece, count - at), MPI_BYTE, destination, tag, c->ranks,
                            &batch->requests[batch->count]);
    if (!batch->code) batch->count++;
  }
}

// Waits for all of them. After an error nothing is waited for: a lost peer would never answer, and the job is to end.
static int finish_batch(mp_batch *batch) {
  if (!batch->code) batch->code = MPI_Waitall((int)batch->count, batch->requests, MPI_STATUSES_IGNORE);
  free(batch->requests);
  return batch->code;
}

enum { TAG_MESSAGE = 1, TAG_GATHER, TAG_ALL_GATHER };

int mp_barrier(mp_communicator *c) { return MPI_Barrier(c->ranks); }

int mp_broadcast(mp_communicator *c, void *bytes, size_t count, int root) {
  int code = MPI_SUCCESS;
  for (size_t at = 0; at < count && !code; at += c->piece) {
    code = MPI_Bcast((char *)bytes + at, (int)least(c->piece, count - at), MPI_BYTE, root, c->ranks);
  }
  return code;
}

static int reduce(mp_communicator *c, void *values, size_t count, MPI_Datatype type, MPI_Op operation) {
  const size_t width = 8;
  const size_t step = c->piece < width ? 1 : c->piece / width;
  int code = MPI_SUCCESS;
  for (size_t at = 0; at < count && !code; at += step) {
    code = MPI_Allreduce(MPI_IN_PLACE, (char *)values + at * width, (int)least(step, count - at), type, operation,
                         c->ranks);
  }
  return code;
}

int mp_reduce_int64(mp_communicator *c, int64_t *values, size_t count, mp_reduction reduction) {
  MPI_Op operation = reduction == MP_SUM ? MPI_SUM : reduction == MP_MAXIMUM ? MPI_MAX : MPI_MIN;
  return reduce(c, values, count, MPI_INT64_T, operation);
}

int mp_reduce_double(mp_communicator *c, double *values, size_t count, mp_reduction reduction) {
  if (reduction == MP_SUM) return MPI_ERR_OP;
  return reduce(c, values, count, MPI_DOUBLE, reduction == MP_MAXIMUM ? MPI_MAX : MPI_MIN);
}

int mp_gather(mp_communicator *c, const void *bytes, size_t count, void *destination, const mp_range *incoming,
              int root) {
  if (c->rank != root) {
    mp_batch batch = make_batch(pieces(c, count));
    add_send(c, &batch, bytes, count, root, TAG_GATHER);
    return finish_batch(&batch);
  }
  if (length(incoming[root]) != count) return MPI_ERR_COUNT;
  size_t capacity = 0;
  for (int k = 0; k < c->size; k++) capacity += pieces(c, length(incoming[k]));
  mp_batch batch = make_batch(capacity);
  for (int k = 0; k < c->size; k++) {
    if (k == root) continue;
    add_receive(c, &batch, (char *)destination + incoming[k].lower, length(incoming[k]), k, TAG_GATHER);
  }
  if (count) memmove((char *)destination + incoming[root].lower, bytes, count);
  return finish_batch(&batch);
}

// A ring: in step s a rank passes on what it received in step s - 1, so every byte crosses every link once.
static int all_gather_around_ring(mp_communicator *c, char *memory, const mp_range *ranges) {
  const int right = (c->rank + 1) % c->size, left = (c->rank + c->size - 1) % c->size;
  int code = MPI_SUCCESS;
  for (int s = 0; s < c->size - 1 && !code; s++) {
    const mp_range out = ranges[(c->rank + c->size - s) % c->size];
    const mp_range in = ranges[(c->rank + 2 * c->size - s - 1) % c->size];
    mp_batch batch = make_batch(pieces(c, length(out)) + pieces(c, length(in)));
    add_receive(c, &batch, memory + in.lower, length(in), left, TAG_ALL_GATHER);
    add_send(c, &batch, memory + out.lower, length(out), right, TAG_ALL_GATHER);
    code = finish_batch(&batch);
  }
  return code;
}

int mp_all_gather(mp_communicator *c, void *memory, const mp_range *ranges) {
  size_t lowest = SIZE_MAX, highest = 0;
  for (int k = 0; k < c->size; k++) {
    if (!length(ranges[k])) continue;
    lowest = least(lowest, ranges[k].lower);
    if (ranges[k].upper > highest) highest = ranges[k].upper;
  }
  if (highest == 0) return MPI_SUCCESS;
  if (highest - lowest > c->piece) return all_gather_around_ring(c, memory, ranges);
  int *counts = malloc(2 * (size_t)c->size * sizeof *counts);
  if (!counts) return MPI_ERR_NO_MEM;
  int *offsets = counts + c->size;
  for (int k = 0; k < c->size; k++) {
    counts[k] = (int)length(ranges[k]);
    offsets[k] = counts[k] ? (int)(ranges[k].lower - lowest) : 0;
  }
  int code = MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_BYTE, (char *)memory + lowest, counts, offsets, MPI_BYTE, c->ranks);
  free(counts);
  return code;
}

int mp_send(mp_communicator *c, const void *bytes, size_t count, int destination) {
  int code = MPI_SUCCESS;
  for (size_t at = 0; at < count && !code; at += c->piece) {
    code = MPI_Send((const char *)bytes + at, (int)least(c->piece, count - at), MPI_BYTE, destination, TAG_MESSAGE,
                    c->ranks);
  }
  return code;
}

int mp_receive(mp_communicator *c, void *bytes, size_t count, int source) {
  int code = MPI_SUCCESS;
  for (size_t at = 0; at < count && !code; at += c->piece) {
    code = MPI_Recv((char *)bytes + at, (int)least(c->piece, count - at), MPI_BYTE, source, TAG_MESSAGE, c->ranks,
                    MPI_STATUS_IGNORE);
  }
  return code;
}
