// Compiles the file named by BODY once for float and once for double.
#include <math.h>
#include <string.h>
#include "CVectorKernels.h"
#include "clones.h"

#define T float
#define NAME(f) f##_f32
#define EXP exp_float
#define EXP_BELOW exp_float_below
#include BODY
#undef T
#undef NAME
#undef EXP
#undef EXP_BELOW

#define T double
#define NAME(f) f##_f64
#define EXP exp_double
#define EXP_BELOW exp_double_below
#include BODY
#undef T
#undef NAME
#undef EXP
#undef EXP_BELOW
