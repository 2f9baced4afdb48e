#define CNNFAST_ISA_BASE
#define ISA_NAME base
#include "../simd.h"
#include "../table.h"
