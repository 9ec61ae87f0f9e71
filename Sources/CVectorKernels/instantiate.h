// Compiles the file named by BODY once for float and once for double.
#include <math.h>
#include <string.h>
#include "CVectorKernels.h"
#include "clones.h"

#define T float
#define NAME(f) f##_f32
#define EXP exp_float
#include BODY
#undef T
#undef NAME
#undef EXP

#define T double
#define NAME(f) f##_f64
#define EXP exp_double
#include BODY
#undef T
#undef NAME
#undef EXP
