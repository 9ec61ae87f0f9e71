#include <math.h>
#include "rounded_bits.h"
#define SQRT(x) _Generic((x), float: sqrtf, double: sqrt)(x)
#define BODY "optimizer.inc"
#include "instantiate.h"
