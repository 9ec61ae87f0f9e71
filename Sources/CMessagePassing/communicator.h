#ifndef COMMUNICATOR_H
#define COMMUNICATOR_H

#include <mpi.h>

#include "CMessagePassing.h"

struct mp_communicator {
  MPI_Comm ranks;  // every rank of the job, numbered node by node
  MPI_Comm local;  // the ranks of this node
  int rank, size;
  int node, node_count;
  int local_rank, local_size;
  size_t piece;
  mp_page *page;  // of the node; belongs to whoever asked for it
};

struct mp_team {
  MPI_Comm ranks;
};

// Installs mp_watch_stop_signals' handlers once more if they had been; 0, or -1 where the system refuses.
int mp_watch_stop_signals_again(void);

// Collective over the node: zeroed memory of the first kind, from *kind on, that all its ranks can have. The caller unmaps
// it. NULL where the system has not so much.
int mp_window_map(mp_communicator *communicator, size_t bytes, mp_window_kind *kind, void **memory);

#endif
