/* Memory that fits into no cache: written past them, and asked for before it is needed. */

#ifndef LATIH_CACHES_H
#define LATIH_CACHES_H

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

#endif
