/* Max pooling of 2 x 2 pixels with their channels last, with the ReLU before it, and its gradient. */

#include "kernels.h"

typedef struct {
    const float *x;
    float *y;
    uint8_t *codes; /* which of the four pixels was taken; NOBODY where ReLU lets no gradient by */
    int64_t height, width, channels;
    int64_t relu;
} pooling;

enum { NOBODY = 4 };

/* Images one above the other are rows of pooled pixels: from `begin` to `end`. */
FAST static void pooled(void *context, int64_t begin, int64_t end) {
    const pooling *p = context;
    int64_t channels = p->channels, line = p->width * channels;
    int64_t rows = p->height / 2, columns = p->width / 2;
    int32_t relu = p->relu != 0;
    for (int64_t i = begin; i < end; i++) {
        const float *x = p->x + (i / rows * p->height + i % rows * 2) * line;
        for (int64_t k = 0; k < columns; k++, x += 2 * channels) {
            const float *a = x, *b = x + channels, *c = x + line, *d = x + line + channels;
            float *y = p->y + (i * columns + k) * channels;
            uint8_t *codes = p->codes + (i * columns + k) * channels;
            for (int64_t j = 0; j < channels; j++) {
                /* The first of the largest; NaN is larger than all, and the last NaN is taken. */
                float best = a[j];
                int32_t code = 0;
                code = b[j] > best || b[j] != b[j] ? 1 : code;
                best = b[j] > best || b[j] != b[j] ? b[j] : best;
                code = c[j] > best || c[j] != c[j] ? 2 : code;
                best = c[j] > best || c[j] != c[j] ? c[j] : best;
                code = d[j] > best || d[j] != d[j] ? 3 : code;
                best = d[j] > best || d[j] != d[j] ? d[j] : best;
                code = relu & (best <= 0) ? NOBODY : code;
                y[j] = relu & (best <= 0) ? 0 : best;
                codes[j] = (uint8_t)code;
            }
        }
    }
}

INLINE int64_t rows_for(const pooling *p) {
    return 1 + LEAST_ELEMENTS / (2 * p->width * p->channels);
}

/* x; images, height, width, channels, relu; y, codes */
const char *pool(const slot *s) {
    pooling p = {s[0].address, s[6].address, s[7].address, s[2].whole,
                 s[3].whole,   s[4].whole,   s[5].whole};
    in_parts(pooled, &p, s[1].whole * (p.height / 2), rows_for(&p));
    return NULL;
}

INLINE void spread(const float *g, const uint8_t *codes, int32_t wanted, float *x, int64_t count) {
    for (int64_t j = 0; j < count; j++) x[j] = codes[j] == wanted ? g[j] : 0;
}

FAST static void spread_out(void *context, int64_t begin, int64_t end) {
    const pooling *p = context;
    int64_t channels = p->channels, line = p->width * channels;
    int64_t rows = p->height / 2, columns = p->width / 2;
    for (int64_t i = begin; i < end; i++) {
        float *x = p->y + (i / rows * p->height + i % rows * 2) * line;
        const float *g = p->x + i * columns * channels;
        const uint8_t *codes = p->codes + i * columns * channels;
        for (int64_t k = 0; k < columns; k++, g += channels, codes += channels) {
            float *at = x + 2 * k * channels;
            spread(g, codes, 0, at, channels);
            spread(g, codes, 1, at + channels, channels);
            spread(g, codes, 2, at + line, channels);
            spread(g, codes, 3, at + line + channels, channels);
        }
        /* A last line or column that is not pooled has no part in the outputs. */
        if (p->width % 2) {
            memset(x + line - channels, 0, (size_t)channels * sizeof(float));
            memset(x + 2 * line - channels, 0, (size_t)channels * sizeof(float));
        }
        if (p->height % 2 && i % rows == rows - 1) {
            memset(x + 2 * line, 0, (size_t)line * sizeof(float));
        }
    }
}

/* gradient, codes; images, height, width, channels; gradient of x */
const char *pool_backward(const slot *s) {
    pooling p = {s[0].address, s[6].address, s[1].address, s[3].whole, s[4].whole, s[5].whole, 0};
    in_parts(spread_out, &p, s[2].whole * (p.height / 2), rows_for(&p));
    return NULL;
}
