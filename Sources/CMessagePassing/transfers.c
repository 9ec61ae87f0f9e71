// Messages that travel while the ranks compute, and MPI's own sum over some of the ranks.

#include <stdlib.h>

#include "communicator.h"

struct mp_transfer {
  MPI_Request request;
};

// Clear of the tags of the collectives.
enum { FIRST_TAG = 64 };

static mp_transfer *make_transfer(void) {
  mp_transfer *transfer = malloc(sizeof *transfer);
  if (transfer) transfer->request = MPI_REQUEST_NULL;
  return transfer;
}

static int started(mp_transfer *transfer, int code, mp_transfer **result) {
  if (code) {
    free(transfer);
    transfer = NULL;
  }
  *result = transfer;
  return code;
}

int mp_start_send(mp_communicator *c, const void *bytes, size_t count, int destination, int kind, mp_transfer **result) {
  mp_transfer *transfer = make_transfer();
  if (!transfer || count > c->piece) return started(transfer, MPI_ERR_COUNT, result);
  return started(transfer,
                 MPI_Isend(bytes, (int)count, MPI_BYTE, destination, FIRST_TAG + kind, c->ranks, &transfer->request),
                 result);
}

int mp_start_receive(mp_communicator *c, void *bytes, size_t count, int source, int kind, mp_transfer **result) {
  mp_transfer *transfer = make_transfer();
  if (!transfer || count > c->piece) return started(transfer, MPI_ERR_COUNT, result);
  return started(transfer,
                 MPI_Irecv(bytes, (int)count, MPI_BYTE, source, FIRST_TAG + kind, c->ranks, &transfer->request), result);
}

int mp_test_transfer(mp_transfer *transfer, bool *is_complete) {
  int flag = 0;
  const int code = MPI_Test(&transfer->request, &flag, MPI_STATUS_IGNORE);
  *is_complete = flag;
  return code;
}

// A request that is still open stays with the library: the job is ending then.
void mp_free_transfer(mp_transfer *transfer) { free(transfer); }

size_t mp_largest_transfer(const mp_communicator *c) { return c->piece; }

int mp_make_team(mp_communicator *c, int color, mp_team **result) {
  MPI_Comm team = MPI_COMM_NULL;
  int code = MPI_Comm_split(c->ranks, color < 0 ? MPI_UNDEFINED : color, c->rank, &team);
  *result = NULL;
  if (code || team == MPI_COMM_NULL) return code;
  code = MPI_Comm_set_errhandler(team, MPI_ERRORS_RETURN);
  mp_team *made = malloc(sizeof *made);
  if (!made) return MPI_ERR_NO_MEM;
  made->ranks = team;
  *result = made;
  return code;
}

int mp_team_sum_f32(mp_communicator *c, mp_team *team, float *values, size_t count) {
  const size_t step = c->piece < sizeof(float) ? 1 : c->piece / sizeof(float);
  int code = MPI_SUCCESS;
  for (size_t at = 0; at < count && !code; at += step) {
    const size_t n = count - at < step ? count - at : step;
    code = MPI_Allreduce(MPI_IN_PLACE, values + at, (int)n, MPI_FLOAT, MPI_SUM, team->ranks);
  }
  return code;
}
