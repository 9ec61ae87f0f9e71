#include <math.h>
#include "lanes.h"
#define SQRT(x) _Generic((x), float: sqrtf, double: sqrt)(x)
#define BODY "relations.inc"
#include "instantiate.h"
