#define BODY "scores.inc"
#include "instantiate.h"
