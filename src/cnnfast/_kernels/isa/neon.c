#include "../kernels.h"
#if defined(__aarch64__) || defined(_M_ARM64)
#define CNNFAST_ISA_NEON
#define ISA_NAME neon
#include "../simd.h"
#include "../table.h"
#else
const Kernels *const kernels_neon = NULL;
#endif
