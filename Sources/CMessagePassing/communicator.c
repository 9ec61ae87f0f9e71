// Start and end of MPI, and who the ranks are.

#include "communicator.h"
#include "status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NO_THREADS = -1, NO_MEMORY = -2 };

static const size_t largest_piece = (size_t)1 << 30;

// Numbers the ranks node by node: nodes in the order of their lowest world rank, and world order within a node.
static int number_ranks(mp_communicator *c, MPI_Comm world) {
  int rank, size;
  MPI_Comm_rank(world, &rank);
  MPI_Comm_size(world, &size);
  int code = MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &c->local);
  if (code) return code;
  MPI_Comm_rank(c->local, &c->local_rank);
  MPI_Comm_size(c->local, &c->local_size);

  int leader = rank;
  if ((code = MPI_Bcast(&leader, 1, MPI_INT, 0, c->local))) return code;
  int *leaders = malloc((size_t)size * sizeof *leaders);
  if (!leaders) return NO_MEMORY;
  code = MPI_Allgather(&leader, 1, MPI_INT, leaders, 1, MPI_INT, world);
  int position = 0;
  c->node = c->node_count = 0;
  for (int i = 0; i < size && !code; i++) {
    position += leaders[i] < leader || (leaders[i] == leader && i < rank);
    c->node_count += leaders[i] == i;
    c->node += leaders[i] == i && i < leader;
  }
  free(leaders);
  if (code || (code = MPI_Comm_split(world, 0, position, &c->ranks))) return code;
  MPI_Comm_rank(c->ranks, &c->rank);
  MPI_Comm_size(c->ranks, &c->size);
  return 0;
}

int mp_start(size_t piece, mp_communicator **result) {
  *result = NULL;
  int started = 0, provided = MPI_THREAD_SINGLE, code;
  MPI_Initialized(&started);
  if (!started && (code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided))) return code;
  // MPICH puts a handler of its own before the one for SIGUSR1, which would not run on the handlers' stack.
  mp_watch_stop_signals_again();
  MPI_Query_thread(&provided);
  if (provided < MPI_THREAD_FUNNELED) return NO_THREADS;
  mp_communicator *c = calloc(1, sizeof *c);
  if (!c) return NO_MEMORY;
  c->ranks = c->local = MPI_COMM_NULL;
  c->piece = piece && piece < largest_piece ? piece : largest_piece;
  MPI_Comm world = MPI_COMM_NULL;
  code = MPI_Comm_dup(MPI_COMM_WORLD, &world);
  // Inherited by the communicators split from it.
  if (!code) code = MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
  if (!code) code = number_ranks(c, world);
  if (!code) code = MPI_Comm_set_errhandler(c->ranks, MPI_ERRORS_RETURN);
  if (!code) code = MPI_Comm_set_errhandler(c->local, MPI_ERRORS_RETURN);
  if (!code) code = mp_page_share(c, &c->page);
  if (!code && !c->page) code = NO_MEMORY;
  if (world != MPI_COMM_NULL) MPI_Comm_free(&world);
  if (code) {
    free(c);
    return code;
  }
  *result = c;
  return 0;
}

int mp_finish(mp_communicator *c) {
  MPI_Comm_free(&c->local);
  MPI_Comm_free(&c->ranks);
  free(c);
  return MPI_Finalize();
}

#ifdef MPICH_VERSION
// MPICH's launcher drops what it has not yet handed on when a rank aborts: it is given a second to read the pipe, and a
// moment to pass it on.
static void let_messages_out(void) {
  int waiting = 0;
  for (int i = 0; i < 100 && ioctl(STDERR_FILENO, FIONREAD, &waiting) == 0 && waiting > 0; i++) usleep(10000);
  usleep(200000);
}
#endif

void mp_abort(mp_communicator *c, int code) {
  (void)c;
  fflush(NULL);
#ifdef MPICH_VERSION
  let_messages_out();
  // The rank has said why it ends; the library would add a line on the call, which its own settings only shorten.
  const int nowhere = open("/dev/null", O_WRONLY);
  if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
#endif
  // The world, not the communicator: the whole job ends, and mpirun takes the code over.
  MPI_Abort(MPI_COMM_WORLD, code);
  _exit(code);
}

mp_page *mp_page_of(const mp_communicator *c) { return c->page; }

int mp_rank(const mp_communicator *c) { return c->rank; }
int mp_size(const mp_communicator *c) { return c->size; }
int mp_node(const mp_communicator *c) { return c->node; }
int mp_node_count(const mp_communicator *c) { return c->node_count; }
int mp_local_rank(const mp_communicator *c) { return c->local_rank; }
int mp_local_size(const mp_communicator *c) { return c->local_size; }

void mp_describe_error(int code, char *text, size_t capacity) {
  char words[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (code == NO_THREADS) {
    snprintf(text, capacity, "the MPI library was built without thread support (MPI_THREAD_FUNNELED)");
  } else if (code == NO_MEMORY) {
    snprintf(text, capacity, "out of memory");
  } else if (MPI_Error_string(code, words, &length) == MPI_SUCCESS) {
    snprintf(text, capacity, "%s", words);
  } else {
    snprintf(text, capacity, "MPI error %d", code);
  }
}

void mp_library_version(char *text, size_t capacity) {
  char words[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(words, &length);
  snprintf(text, capacity, "%s", words);
}
