/* Random numbers by counting, and the layers that draw them.
 *
 *   dropout            y = x p0 + p1 where a number reaches the threshold, else p2
 *   gaussian_noise     y = x + p0 z
 *   gaussian_dropout   y = x (1 + p0 z)       z normal, with mean 0 and variance 1
 *
 * Numbers  Philox 4x32 with ten rounds: block b of an image is a function of b, the image, the
 *          step, the run and the layer, and gives four numbers. Element i of an image meets number
 *          i % 64 / 16 of block i / 64 * 16 + i % 16, so that a vector of blocks gives a vector of
 *          neighbours. Every instruction set draws the same.
 * Normal   The quantile of (m + 1/2) / 2^32 for the lower 31 bits m, the upper bit is its sign:
 *          exact in the tail, which reaches 6.3. Relative error 2e-7 beside float32's own.
 * Source   Salmon et al. (2011), doi:10.1145/2063384.2063405; Wichura (1988), algorithm AS 241,
 *          doi:10.2307/2347330, PPND7.
 */
#include "../kernels.h"
#include "exp.h"

enum { NOISE_BLOCKS = 16, NOISE_UNIT = 4 * NOISE_BLOCKS };

static void random_bits(const Stream *stream, uint32_t first, uint32_t *bits)
{
    uint32_t *a = bits, *b = a + NOISE_BLOCKS, *c = b + NOISE_BLOCKS, *d = c + NOISE_BLOCKS;
    uint32_t low = stream->key[0], high = stream->key[1];
    for (uint32_t j = 0; j < NOISE_BLOCKS; j++) {
        a[j] = first + j;
        b[j] = stream->counter[0];
        c[j] = stream->counter[1];
        d[j] = stream->counter[2];
    }
    for (int round = 0; round < 10; round++) {
        for (int j = 0; j < NOISE_BLOCKS; j++) {
            const uint64_t p = (uint64_t)a[j] * 0xD2511F53u, q = (uint64_t)c[j] * 0xCD9E8D57u;
            a[j] = (uint32_t)(q >> 32) ^ b[j] ^ low;
            c[j] = (uint32_t)(p >> 32) ^ d[j] ^ high;
            b[j] = (uint32_t)q;
            d[j] = (uint32_t)p;
        }
        low += 0x9E3779B9u;
        high += 0xBB67AE85u;
    }
}

/* The quantile of p in (0, 1/2). */
ALWAYS_INLINE vf normal_quantile(vf p)
{
    const vf one = vf_set(1.0f), q = vf_sub(p, vf_set(0.5f));
    const vf r = vf_fnma(q, q, vf_set(0.180625f));
    vf n = vf_fma(vf_set(59.109374720f), r, vf_set(159.29113202f));
    n = vf_fma(vf_fma(n, r, vf_set(50.434271938f)), r, vf_set(3.3871327179f));
    vf d = vf_fma(vf_set(67.187563600f), r, vf_set(78.757757664f));
    d = vf_fma(vf_fma(d, r, vf_set(17.895169469f)), r, one);
    const vf middle = vf_div(vf_mul(q, n), d);
    const vf t = vf_sub(vf_sqrt(vf_log(vf_div(one, p))), vf_set(1.6f));
    n = vf_fma(vf_set(0.17023821103f), t, vf_set(1.3067284816f));
    n = vf_fma(vf_fma(n, t, vf_set(2.7568153900f)), t, vf_set(1.4234372777f));
    d = vf_fma(vf_fma(vf_set(0.12021132975f), t, vf_set(0.73700164250f)), t, one);
    const vf tail = vf_sub(vf_zero(), vf_div(n, d));
    return vf_select(vf_less(p, vf_set(0.075f)), tail, middle);
}

static void random_normal(const Stream *stream, uint32_t first, float *z)
{
    uint32_t bits[NOISE_UNIT];
    int32_t below[NOISE_UNIT];
    random_bits(stream, first, bits);
    for (int i = 0; i < NOISE_UNIT; i++) below[i] = (int32_t)(bits[i] & 0x7FFFFFFFu);
    for (int i = 0; i < NOISE_UNIT; i += LANES) {
        const vf p = vf_fma(vf_from_int(below + i), vf_set(0x1p-32f), vf_set(0x1p-33f));
        vf_store(z + i, normal_quantile(p));
    }
    for (int i = 0; i < NOISE_UNIT; i++) z[i] = bits[i] >> 31 ? -z[i] : z[i];
}

#define EACH_UNIT(DRAW, VALUE)                                                                   \
    for (ptrdiff_t unit = 0; unit * NOISE_UNIT < n; unit++) {                                    \
        const float *from = x + unit * NOISE_UNIT;                                               \
        float *to = y + unit * NOISE_UNIT;                                                       \
        const ptrdiff_t left = n - unit * NOISE_UNIT, count = left < NOISE_UNIT ? left : NOISE_UNIT; \
        DRAW(stream, (uint32_t)unit * NOISE_BLOCKS, drawn);                                      \
        for (ptrdiff_t i = 0; i < count; i++) to[i] = VALUE;                                     \
    }

static void noise_dropout(const float *x, float *y, ptrdiff_t n, const Stream *stream,
                          const float *p)
{
    const float scale = p[0], shift = p[1], other = p[2];
    const uint32_t threshold = stream->threshold;
    uint32_t drawn[NOISE_UNIT];
    EACH_UNIT(random_bits, drawn[i] >= threshold ? from[i] * scale + shift : other)
}

static void noise_gaussian_noise(const float *x, float *y, ptrdiff_t n, const Stream *stream,
                                 const float *p)
{
    const float deviation = p[0];
    float drawn[NOISE_UNIT];
    EACH_UNIT(random_normal, from[i] + deviation * drawn[i])
}

static void noise_gaussian_dropout(const float *x, float *y, ptrdiff_t n, const Stream *stream,
                                   const float *p)
{
    const float deviation = p[0];
    float drawn[NOISE_UNIT];
    EACH_UNIT(random_normal, from[i] * (1.0f + deviation * drawn[i]))
}
