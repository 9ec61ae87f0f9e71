#include "exponential.h"
#include "lanes.h"
#define BODY "softmax.inc"
#include "instantiate.h"
