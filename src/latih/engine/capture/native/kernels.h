/* What the kernels share: how they are called, how they vectorise, how work is split over threads. */

#ifndef LATIH_KERNELS_H
#define LATIH_KERNELS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One argument: an address, a whole number, or a number. */
typedef union {
    void *address;
    int64_t whole;
    double number;
} slot;

/* A kernel returns NULL, or why it could not do its work; then it has changed nothing. */
typedef const char *kernel(const slot *slots);

kernel head, score, softmax, add_bias, column_sums, activate, activate_backward, drop_out, multiply,
    normalize, normalize_backward, normalize_frozen, normalize_frozen_short,
    normalize_frozen_backward, normalize_frozen_short_backward, pool, pool_backward, shorten,
    lengthen, transpose, adam;

/* Compiled several times, for what processors may know; the loader chooses. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define FAST __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FAST
#endif
#define INLINE static inline __attribute__((always_inline))

/* Work on the elements from `begin` to `end`. */
typedef void part(void *context, int64_t begin, int64_t end);

/* Do `count` units of work, on one thread for each `least` of them, if PyTorch may use so many. */
void in_parts(part *work, void *context, int64_t count, int64_t least);

/* Below so many elements a second thread costs more than it brings. */
enum { LEAST_ELEMENTS = 1 << 15 };

/* e^r - 1 and 2^n, of which e^x = 2^n e^r, |r| <= ln 2 / 2. The polynomial is that of Cephes' expf. */
INLINE float reduced(float x, float *power) {
    const float magic = 12582912.0f; /* 1.5 * 2^23: what is added to it is rounded to a whole number */
    float kept = x > 88.8f ? 88.8f : x;
    kept = kept < -104.0f ? -104.0f : kept; /* NaN fails both, and stays */
    float shifted = kept * 1.44269504088896341f + magic;
    float n = shifted - magic;
    int32_t bits, whole;
    memcpy(&bits, &shifted, 4);
    whole = bits - 0x4B400000;
    float r = (kept - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    /* In two halves, since 2^128 and 2^-150 are no floats. */
    int32_t first = whole >> 1, second = whole - first;
    int32_t first_bits = (first + 127) << 23, second_bits = (second + 127) << 23;
    float a, b;
    memcpy(&a, &first_bits, 4);
    memcpy(&b, &second_bits, 4);
    power[0] = a;
    power[1] = b;
    return p * (r * r) + r;
}

INLINE float exponential(float x) {
    float power[2];
    float rest = reduced(x, power);
    return (rest * power[0] + power[0]) * power[1];
}

/* e^x - 1, for x that is not above 0. */
INLINE float exponential_minus_one(float x) {
    float power[2];
    float rest = reduced(x, power);
    float whole = power[0] * power[1];
    return rest * whole + (whole - 1.0f);
}

#endif
