/* Casts of large memory between float32 and bfloat16, which is the upper half of a float32. */

#include "bfloat16.h"
#include "caches.h"

typedef struct {
    const uint32_t *x;
    uint16_t *y;
    uint16_t nan;
} shortening;

FAST static void shortened(void *context, int64_t begin, int64_t end) {
    const shortening *work = context;
    const uint32_t *x = work->x + begin;
    uint16_t *y = work->y + begin, nan = work->nan;
    int64_t count = end - begin, i = before_line(y, sizeof *y, count);
    uint16_t block[BLOCK] __attribute__((aligned(LINE)));
    for (int64_t j = 0; j < i; j++) y[j] = upper_half(x[j], nan);
    for (; i + BLOCK <= count; i += BLOCK) {
        fetch_ahead(x + i, BLOCK * sizeof *x);
        for (int64_t j = 0; j < BLOCK; j++) block[j] = upper_half(x[i + j], nan);
        write_past_caches(y + i, block, sizeof block);
    }
    for (; i < count; i++) y[i] = upper_half(x[i], nan);
    finish_writing();
}

/* x; count, the bits of NaN; y */
const char *shorten(const slot *s) {
    shortening work = {s[0].address, s[3].address, s[2].whole};
    in_parts(shortened, &work, s[1].whole, LEAST_ELEMENTS);
    return NULL;
}

typedef struct {
    const uint16_t *x;
    uint32_t *y;
} lengthening;

FAST static void lengthened(void *context, int64_t begin, int64_t end) {
    const lengthening *work = context;
    const uint16_t *x = work->x + begin;
    uint32_t *y = work->y + begin;
    int64_t count = end - begin, i = before_line(y, sizeof *y, count);
    uint32_t block[BLOCK] __attribute__((aligned(LINE)));
    for (int64_t j = 0; j < i; j++) y[j] = (uint32_t)x[j] << 16;
    for (; i + BLOCK <= count; i += BLOCK) {
        fetch_ahead(x + i, BLOCK * sizeof *x);
        for (int64_t j = 0; j < BLOCK; j++) block[j] = (uint32_t)x[i + j] << 16;
        write_past_caches(y + i, block, sizeof block);
    }
    for (; i < count; i++) y[i] = (uint32_t)x[i] << 16;
    finish_writing();
}

/* x; count; y */
const char *lengthen(const slot *s) {
    lengthening work = {s[0].address, s[2].address};
    in_parts(lengthened, &work, s[1].whole, LEAST_ELEMENTS);
    return NULL;
}
