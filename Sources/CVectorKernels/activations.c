#include "exponential.h"
#define BODY "activations.inc"
#include "instantiate.h"
