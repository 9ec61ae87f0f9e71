#include "CVectorKernels.h"
#include "clones.h"

#define T float
#define NAME(f) f##_f32
#include "arithmetic.inc"
#undef T
#undef NAME

#define T double
#define NAME(f) f##_f64
#include "arithmetic.inc"
