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

#endif
