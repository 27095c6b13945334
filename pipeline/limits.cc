#include "engine/limits.h"
