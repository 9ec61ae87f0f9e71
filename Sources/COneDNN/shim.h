#include <oneapi/dnnl/dnnl.h>

// Of the OpenMP library behind oneDNN; its header belongs to the compiler, not to the system.
void omp_set_num_threads(int count);
void omp_set_dynamic(int dynamic);
// What the compiler turns a parallel region into: runs function(data) on every thread of a team (count 0: as many as set).
void GOMP_parallel(void (*function)(void *), void *data, unsigned count, unsigned flags);

// Exported by the library, declared by none of its headers; bfloat16 numbers as 16-bit words.
dnnl_status_t dnnl_gemm_bf16bf16f32(char transa, char transb, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k, float alpha,
                                    const void *a, dnnl_dim_t lda, const void *b, dnnl_dim_t ldb, float beta, float *c,
                                    dnnl_dim_t ldc);
