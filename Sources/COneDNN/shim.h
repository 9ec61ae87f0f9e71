#include <oneapi/dnnl/dnnl.h>

// Of the OpenMP library behind oneDNN; its header belongs to the compiler, not to the system.
void omp_set_num_threads(int count);
