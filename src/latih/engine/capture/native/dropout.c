/* Dropout: the mask of `latih.random.keep_mask`, to the bit, and the product with it. */

#include "kernels.h"

typedef struct {
    const float *x;
    uint32_t low, high;
    int32_t threshold;
    float kept;
    float *mask, *y;
} dropping;

FAST static void dropped(void *context, int64_t begin, int64_t end) {
    const dropping *work = context;
    const float *x = work->x;
    float *mask = work->mask, *y = work->y;
    const uint32_t low = work->low, high = work->high;
    const int32_t threshold = work->threshold;
    const float kept = work->kept;
    for (int64_t i = begin; i < end; i++) {
        /* Right shifts of int32 keep the sign, there and here. */
        uint32_t h = (uint32_t)i ^ low;
        h = (h ^ (uint32_t)((int32_t)h >> 16)) * 0x7FEB352Du + high;
        h = (h ^ (uint32_t)((int32_t)h >> 15)) * 0x846CA68Bu;
        h ^= (uint32_t)((int32_t)h >> 16);
        float one = (int32_t)h >= threshold ? kept : 0.0f;
        mask[i] = one;
        y[i] = x[i] * one;
    }
}

/* x, low, high; count, threshold, kept; mask, y */
const char *drop_out(const slot *s) {
    const uint32_t *low = s[1].address, *high = s[2].address;
    dropping work = {s[0].address, *low, *high, (int32_t)s[4].whole,
                     (float)s[5].number, s[6].address, s[7].address};
    in_parts(dropped, &work, s[3].whole, LEAST_ELEMENTS);
    return NULL;
}

typedef struct {
    const float *x, *y;
    float *z;
} multiplying;

FAST static void multiplied(void *context, int64_t begin, int64_t end) {
    const multiplying *work = context;
    const float *x = work->x, *y = work->y;
    float *z = work->z;
    for (int64_t i = begin; i < end; i++) z[i] = x[i] * y[i];
}

/* x, y; count; z */
const char *multiply(const slot *s) {
    multiplying work = {s[0].address, s[1].address, s[3].address};
    in_parts(multiplied, &work, s[2].whole, LEAST_ELEMENTS);
    return NULL;
}
