#include "exponential.h"
#include <math.h>
#define ERF(x) _Generic((x), float: erff, double: erf)(x)
#define BODY "swish.inc"
#include "instantiate.h"
