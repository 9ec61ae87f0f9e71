#include <math.h>
#define SQRT(x) _Generic((x), float: sqrtf, double: sqrt)(x)
#define BODY "optimizer.inc"
#include "instantiate.h"
