#include "lanes.h"
#define BODY "normalisation.inc"
#include "instantiate.h"
