#ifndef COMMUNICATOR_H
#define COMMUNICATOR_H

#include <mpi.h>
#include <stdatomic.h>

#include "CMessagePassing.h"

struct mp_communicator {
  MPI_Comm ranks;  // every rank of the job, numbered node by node
  MPI_Comm local;  // the ranks of this node
  int rank, size;
  int node, node_count;
  int local_rank, local_size;
  size_t piece;
  atomic_int *last_word;  // shared by the node; NULL where shared memory is missing
};

struct mp_team {
  MPI_Comm ranks;
};

#endif
