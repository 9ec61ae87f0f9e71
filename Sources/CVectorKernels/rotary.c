#define BODY "rotary.inc"
#include "instantiate.h"
