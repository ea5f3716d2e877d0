/* Numbers of bfloat16, each the upper half of a float32. */

#ifndef LATIH_BFLOAT16_H
#define LATIH_BFLOAT16_H

#include "kernels.h"

/* To the nearest; halfway to the even one. A NaN is the one that PyTorch makes of all of them. */
INLINE uint16_t upper_half(uint32_t bits, uint16_t nan) {
    uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    return (bits & 0x7FFFFFFF) > 0x7F800000 ? nan : rounded;
}

INLINE uint16_t shortened_number(float x, uint16_t nan) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return upper_half(bits, nan);
}

INLINE float lengthened_number(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float whole;
    memcpy(&whole, &bits, 4);
    return whole;
}

#endif
