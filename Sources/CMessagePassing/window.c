// Memory shared by the ranks of a node.

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "communicator.h"

struct mp_window {
  void *memory;
  size_t bytes;
  mp_window_kind kind;
};

// How the node's first rank tells the others where the memory is.
typedef struct {
  char path[64];
  uint64_t token;
} mp_invitation;

// /dev/shm keeps this much for others, Open MPI's own segments among them.
static const uint64_t reserve = 16 << 20;

static int open_anonymous(size_t bytes, mp_invitation *invitation) {
  const int file = memfd_create("evl-dist", MFD_CLOEXEC);
  if (file < 0) return -1;
  if (ftruncate(file, (off_t)bytes)) {
    close(file);
    return -1;
  }
  snprintf(invitation->path, sizeof invitation->path, "/proc/%ld/fd/%d", (long)getpid(), file);
  return file;
}

uint64_t mp_shared_memory_room(void) {
  struct statvfs room;
  if (statvfs("/dev/shm", &room)) return 0;
  const uint64_t free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
  return free_bytes > reserve ? free_bytes - reserve : 0;
}

// All pages are taken at once: a full file system shows here and not as a signal in the middle of a step.
static int open_named(size_t bytes, mp_invitation *invitation) {
  if (mp_shared_memory_room() < bytes) return -1;
  snprintf(invitation->path, sizeof invitation->path, "/dev/shm/evl-dist-%ld-%llx", (long)getpid(),
           (unsigned long long)invitation->token);
  const int file = open(invitation->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return -1;
  if (posix_fallocate(file, 0, (off_t)bytes)) {
    close(file);
    unlink(invitation->path);
    return -1;
  }
  return file;
}

static void *map(int file, size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return NULL;
  // A wish, not a need.
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

// Collective over the node: maps one memory in every rank, or in none. The file's name is gone when this returns.
static int try_kind(mp_communicator *c, mp_window_kind kind, size_t bytes, void **result) {
  mp_invitation invitation = {"", 0};
  int file = -1;
  void *memory = NULL;
  if (c->local_rank == 0) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    invitation.token = ((uint64_t)getpid() << 40) ^ ((uint64_t)now.tv_sec << 20) ^ (uint64_t)now.tv_nsec;
    file = kind == MP_WINDOW_ANONYMOUS ? open_anonymous(bytes, &invitation) : open_named(bytes, &invitation);
    if (file >= 0) memory = map(file, bytes);
    if (memory) *(volatile uint64_t *)memory = invitation.token;
  }
  int code = MPI_Bcast(&invitation, sizeof invitation, MPI_BYTE, 0, c->local);
  if (!code && c->local_rank != 0 && invitation.path[0]) {
    struct stat status;
    file = open(invitation.path, O_RDWR | O_CLOEXEC);
    if (file >= 0 && !fstat(file, &status) && (size_t)status.st_size == bytes) memory = map(file, bytes);
    // Elsewhere a process of the same number may be another one.
    if (memory && *(volatile uint64_t *)memory != invitation.token) {
      munmap(memory, bytes);
      memory = NULL;
    }
  }
  int has_it = memory != NULL;
  if (!code) code = MPI_Allreduce(MPI_IN_PLACE, &has_it, 1, MPI_INT, MPI_MIN, c->local);
  if (file >= 0) close(file);
  if (c->local_rank == 0) {
    if (kind == MP_WINDOW_NAMED && invitation.path[0]) unlink(invitation.path);
    if (memory) *(volatile uint64_t *)memory = 0;
  }
  if ((code || !has_it) && memory) {
    munmap(memory, bytes);
    memory = NULL;
  }
  if (!code) code = MPI_Barrier(c->local);
  *result = memory;
  return code;
}

static mp_window *make_window(void *memory, size_t bytes, mp_window_kind kind) {
  mp_window *window = malloc(sizeof *window);
  if (!window) return NULL;
  *window = (mp_window){memory, bytes, kind};
  return window;
}

int mp_window_map(mp_communicator *c, size_t bytes, mp_window_kind *kind, void **memory) {
  *memory = NULL;
  int code = 0;
  for (; !code && *kind < MP_WINDOW_PRIVATE; (*kind)++) {
    code = try_kind(c, *kind, bytes, memory);
    if (*memory) return code;
  }
  if (!code) *memory = map(-1, bytes);
  return code;
}

int mp_window_open(mp_communicator *c, size_t bytes, mp_window_kind first, mp_window **result) {
  void *memory = NULL;
  mp_window_kind kind = first;
  const int code = mp_window_map(c, bytes, &kind, &memory);
  if (code) return code;
  *result = memory ? make_window(memory, bytes, kind) : NULL;
  return *result ? 0 : MPI_ERR_NO_MEM;
}

int mp_window_open_alone(size_t bytes, mp_window **result) {
  void *memory = map(-1, bytes);
  *result = memory ? make_window(memory, bytes, MP_WINDOW_PRIVATE) : NULL;
  return *result ? 0 : MPI_ERR_NO_MEM;
}

void *mp_window_memory(const mp_window *window) { return window->memory; }

mp_window_kind mp_window_get_kind(const mp_window *window) { return window->kind; }

void mp_window_close(mp_window *window) {
  munmap(window->memory, window->bytes);
  free(window);
}
