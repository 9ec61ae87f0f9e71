// What the operating system tells about other processes and their files.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "MessagePassingStatus.h"

bool mp_is_gone(int32_t pid) { return kill(pid, 0) && errno == ESRCH; }

bool mp_is_zombie(int32_t pid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  FILE *file = fopen(path, "r");
  if (!file) return false;
  const size_t count = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[count] = 0;
  // The name, in parentheses, may hold parentheses itself; the state comes after the last.
  const char *name_end = strrchr(text, ')');
  return name_end && strlen(name_end) > 2 && (name_end[2] == 'Z' || name_end[2] == 'X');
}

bool mp_is_same_program(int32_t pid) {
  char path[64], own[PATH_MAX], other[PATH_MAX];
  snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
  const ssize_t count = readlink("/proc/self/exe", own, sizeof own);
  return count > 0 && readlink(path, other, sizeof other) == count && memcmp(own, other, (size_t)count) == 0;
}

void mp_kill_later(const int32_t *pids, int count, unsigned microseconds) {
  if (count <= 0 || fork() != 0) return;
  // A child of a process with threads: system calls alone. The launcher waits for the end of the pipes it inherited.
  setsid();
  for (int file = 0; file < 1024; file++) close(file);
  usleep(microseconds);
  for (int i = 0; i < count; i++) kill(pids[i], SIGKILL);
  _exit(0);
}

bool mp_may_be_in_use(const char *path) {
  // Not blocking: who else looks at the same time holds a lease itself.
  const int file = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return true;
  // Whoever opens the file while the lease is held makes the kernel send a signal: one that is ignored unless wanted.
  const bool leased = fcntl(file, F_SETSIG, SIGURG) == 0 && fcntl(file, F_SETLEASE, F_WRLCK) == 0;
  close(file);
  return !leased;
}
