/* Casts of large memory between float32 and bfloat16, which is the upper half of a float32. */

#include "kernels.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Made in the nearest cache, so many at once, and then written past all caches: to write through
   them, the processor would first read what is overwritten. */
enum { BLOCK = 1024, LINE = 64 };

INLINE void write_past_caches(void *y, const void *x, int64_t bytes) {
#if defined(__SSE2__)
    for (int64_t i = 0; i < bytes; i += 16)
        _mm_stream_si128((__m128i *)((char *)y + i), *(const __m128i *)((const char *)x + i));
#else
    memcpy(y, x, bytes);
#endif
}

/* Asked for so early, what lies in no cache is there when it is needed: the processor itself does
   not look beyond a page. At the end that asks for some memory in vain, which is no error. */
INLINE void fetch_ahead(const void *x, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += LINE) __builtin_prefetch((const char *)x + 2 * bytes + i);
}

/* What other threads read next must not overtake what was written past the caches. */
INLINE void finish_writing(void) {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* How many elements are before the first that begins a line of a cache. */
INLINE int64_t before_line(const void *y, int64_t size, int64_t count) {
    int64_t over = (uintptr_t)y % LINE, before = over ? (LINE - over) / size : 0;
    return over % size ? count : before < count ? before : count;
}

/* To the nearest; halfway to the even one. A NaN is the one that PyTorch makes of all of them. */
INLINE uint16_t upper_half(uint32_t bits, uint16_t nan) {
    uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    return (bits & 0x7FFFFFFF) > 0x7F800000 ? nan : rounded;
}

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
