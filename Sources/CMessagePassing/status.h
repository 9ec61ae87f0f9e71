#ifndef STATUS_H
#define STATUS_H

#include <mpi.h>

#include "MessagePassingStatus.h"

// Collective over the ranks of a node: a page in shared memory, whose name is gone before this returns, so a crash later
// leaves nothing behind. Where shared memory is missing, a page of this process alone; NULL where that fails, too.
int mp_page_share(MPI_Comm local, mp_page **page);

#endif
