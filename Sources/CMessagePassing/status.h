#ifndef STATUS_H
#define STATUS_H

#include "communicator.h"

// Collective over the ranks of a node: a page that they share, or, where they cannot, one of each process alone. Nothing of
// it is left when a process ends, however it ends. NULL where there is no memory.
int mp_page_share(mp_communicator *communicator, mp_page **page);

#endif
