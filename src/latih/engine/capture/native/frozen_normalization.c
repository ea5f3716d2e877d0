/* Batch normalisation by statistics that stay, the ReLU or ReLU6 after it, and their gradients.

Nothing here waits for a sum over the batch: the gradients of inputs, scale and shift come of one
pass over memory. Rows are taken in blocks that depend on the shape alone: results are the same on
any number of threads. */

#include <stdlib.h>

#include "normalization.h"

/* What is beyond `lowest` and `highest` is cut off; NaN, which nothing is beyond, for no bound. */
typedef struct {
    const float *x, *gradient, *mean;
    float *y, *factor, *shift;
    double *sums, *products; /* of each block and column: of gradients, and times x - mean */
    int64_t rows, columns, rows_a_block, blocks;
    float lowest, highest;
} batch;

/* y = x * factor + shift, as 1/σ, gamma, beta (NULL for 0) and the mean have it. */
static int prepared(batch *b, const slot *gamma, double epsilon, int64_t sums) {
    const float *scale = gamma[0].address, *beta = gamma[1].address;
    const float *mean = gamma[2].address, *variance = gamma[3].address;
    int64_t columns = b->columns;
    b->mean = mean;
    b->rows_a_block = rows_a_block(columns);
    b->blocks = (b->rows + b->rows_a_block - 1) / b->rows_a_block;
    size_t partial = (size_t)(sums * b->blocks * columns);
    b->sums = malloc(partial * sizeof(double) + 2 * (size_t)columns * sizeof(float));
    if (!b->sums) return 0;
    b->products = b->sums + partial / 2;
    b->factor = (float *)(b->sums + partial);
    b->shift = b->factor + columns;
    for (int64_t j = 0; j < columns; j++) {
        b->factor[j] = (float)(1 / sqrt((double)variance[j] + epsilon)) * scale[j];
        b->shift[j] = (beta ? beta[j] : 0) - mean[j] * b->factor[j];
    }
    return 1;
}

FAST static void forward(void *context, int64_t begin, int64_t end) {
    const batch *b = context;
    int64_t columns = b->columns, last = end < b->blocks ? end * b->rows_a_block : b->rows;
    const float *factor = b->factor, *shift = b->shift;
    const float lowest = b->lowest, highest = b->highest;
    for (int64_t i = begin * b->rows_a_block; i < last; i++) {
        const float *x = b->x + i * columns;
        float *y = b->y + i * columns;
        for (int64_t j = 0; j < columns; j++) {
            float one = x[j] * factor[j] + shift[j];
            one = one < lowest ? lowest : one; /* NaN is neither below nor above, and stays */
            y[j] = one > highest ? highest : one;
        }
    }
}

FAST static void backward(void *context, int64_t begin, int64_t end) {
    const batch *b = context;
    int64_t all = b->columns;
    const float lowest = b->lowest, highest = b->highest;
    for (int64_t block = begin; block < end; block++) {
        int64_t rows = rows_in(block, b->rows, all);
        for (int64_t start = 0; start < all; start += WIDTH) {
            int64_t columns = all - start < WIDTH ? all - start : WIDTH;
            int64_t place = block * b->rows_a_block * all + start;
            const float *mean = b->mean + start;
            const float *factor = b->factor + start, *shift = b->shift + start;
            float sums[WIDTH], products[WIDTH];
            for (int64_t j = 0; j < columns; j++) sums[j] = products[j] = 0;
            for (int64_t i = 0; i < rows; i++) {
                const float *x = b->x + place + i * all;
                const float *gradient = b->gradient + place + i * all;
                float *restrict y = b->y + place + i * all;
                for (int64_t j = 0; j < columns; j++) {
                    float before = x[j] * factor[j] + shift[j];
                    float one = before <= lowest || before >= highest ? 0 : gradient[j];
                    sums[j] += one;
                    products[j] += one * (x[j] - mean[j]);
                    y[j] = one * factor[j];
                }
            }
            for (int64_t j = 0; j < columns; j++) {
                b->sums[block * all + start + j] = sums[j];
                b->products[block * all + start + j] = products[j];
            }
        }
    }
}

/* x, gamma, beta, mean, variance; rows, columns, epsilon, lowest, highest; y */
const char *normalize_frozen(const slot *s) {
    batch b = {.x = s[0].address, .rows = s[5].whole, .columns = s[6].whole,
               .lowest = (float)s[8].number, .highest = (float)s[9].number, .y = s[10].address};
    if (!prepared(&b, s + 1, s[7].number, 0)) return NO_MEMORY;
    in_parts(forward, &b, b.blocks, 1 + LEAST_ELEMENTS / BLOCK);
    free(b.sums);
    return NULL;
}

/* gradient, x, gamma, beta or NULL, mean, variance; rows, columns, epsilon, lowest, highest;
   gradients of x, gamma, beta */
const char *normalize_frozen_backward(const slot *s) {
    batch b = {.gradient = s[0].address, .x = s[1].address, .rows = s[6].whole,
               .columns = s[7].whole, .lowest = (float)s[9].number,
               .highest = (float)s[10].number, .y = s[11].address};
    const float *variance = s[5].address;
    float *of_gamma = s[12].address, *of_beta = s[13].address;
    if (!prepared(&b, s + 2, s[8].number, 2)) return NO_MEMORY;
    in_parts(backward, &b, b.blocks, 1 + LEAST_ELEMENTS / BLOCK);
    for (int64_t j = 0; j < b.columns; j++) {
        double sum = 0, product = 0;
        for (int64_t block = 0; block < b.blocks; block++) {
            sum += b.sums[block * b.columns + j];
            product += b.products[block * b.columns + j];
        }
        of_beta[j] = (float)sum;
        of_gamma[j] = (float)(product / sqrt((double)variance[j] + s[8].number));
    }
    free(b.sums);
    return NULL;
}
