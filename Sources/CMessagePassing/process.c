// What the operating system says to and about this process: stop signals and processors.

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "communicator.h"

// A handler has no argument of ours, so this must be static.
static atomic_int stop_signal;
// When the process was told first that it will be killed, in nanoseconds of the monotonic clock; 0: never.
static atomic_llong notice_time;
static bool is_watching;

static void note_signal(int number) {
  // A second Ctrl-C ends the program at once.
  if (number == SIGINT) signal(SIGINT, SIG_DFL);
  if (number == SIGTERM || number == SIGUSR2) {
    long long never = 0;
    atomic_compare_exchange_strong(&notice_time, &never, mp_monotonic_time());
  }
  atomic_store(&stop_signal, number);
}

// Gives this thread a stack for its handlers: oneDNN's generated products (2.6, AVX-512) keep data below the stack pointer,
// or point it elsewhere, and a handler that ran there would overwrite what is not its own.
static int take_handler_stack(void) {
  enum { BYTES = 1 << 16 };
  stack_t stack;
  if (sigaltstack(NULL, &stack)) return -1;
  if (!(stack.ss_flags & SS_DISABLE)) return 0;
  // Kept as long as the thread, which is the main one.
  stack = (stack_t){.ss_sp = malloc(BYTES), .ss_size = BYTES};
  return stack.ss_sp ? sigaltstack(&stack, NULL) : -1;
}

int mp_watch_stop_signals(void) {
  if (take_handler_stack()) return -1;
  static const int numbers[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  // A launcher may hand its own mask down.
  sigset_t wanted;
  sigemptyset(&wanted);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (sigaction(numbers[i], &action, NULL)) return -1;
    sigaddset(&wanted, numbers[i]);
  }
  is_watching = true;
  return pthread_sigmask(SIG_UNBLOCK, &wanted, NULL) ? -1 : 0;
}

int mp_watch_stop_signals_again(void) { return is_watching ? mp_watch_stop_signals() : 0; }

int mp_stop_signal(void) { return atomic_load(&stop_signal); }

double mp_notice_age(void) {
  const long long since = atomic_load(&notice_time);
  return since ? (double)(mp_monotonic_time() - since) * 1e-9 : -1;
}

int mp_affinity(int *processors, int capacity) {
  enum { MOST = 1 << 16 };
  cpu_set_t *set = CPU_ALLOC(MOST);
  if (!set) return -1;
  const size_t size = CPU_ALLOC_SIZE(MOST);
  CPU_ZERO_S(size, set);
  int count = -1;
  if (sched_getaffinity(0, size, set) == 0) {
    count = 0;
    for (int i = 0; i < MOST; i++) {
      if (!CPU_ISSET_S((size_t)i, size, set)) continue;
      if (count < capacity) processors[count] = i;
      count++;
    }
  }
  CPU_FREE(set);
  return count;
}

void mp_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
