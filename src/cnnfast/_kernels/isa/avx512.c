#include "../kernels.h"
#if defined(__x86_64__) || defined(_M_X64)
#define CNNFAST_ISA_AVX512
#define ISA_NAME avx512
#include "../simd.h"
#include "../table.h"
#else
const Kernels *const kernels_avx512 = NULL;
#endif
