#include "lanes.h"
#define BODY "attention.inc"
#include "instantiate.h"
