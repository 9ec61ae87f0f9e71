#define BODY "arithmetic.inc"
#include "instantiate.h"
