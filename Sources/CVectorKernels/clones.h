// One source, several instruction sets: the attribute makes the compiler emit each variant and a resolver.
#if defined(__x86_64__)
#define EVL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EVL_CLONES
#endif
