/* Batch normalisation by statistics that stay, the ReLU or ReLU6 after it, and their gradients.

Nothing here waits for a sum over the batch: the gradients of inputs, scale and shift come of one
pass over memory. Rows are taken in blocks that depend on the shape alone: results are the same on
any number of threads. */

#include <stdlib.h>

#include "bfloat16.h"
#include "normalization.h"

/* What is beyond `lowest` and `highest` is cut off; NaN, which nothing is beyond, for no bound. */
typedef struct {
    const void *x, *gradient; /* of the type of the pass, as y */
    const float *mean;
    void *y;
    float *factor, *shift;
    double *sums, *products; /* of each block and column: of gradients, and times x - mean */
    int64_t rows, columns, rows_a_block, blocks;
    float lowest, highest;
    uint16_t nan; /* the bits of a NaN of bfloat16 */
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

#define NUMBER float
#define READ(x) (x)
#define MADE(x) (x)
#define FORWARD forward
#define BACKWARD backward
#include "frozen_normalization_rows.h"

#define NUMBER uint16_t
#define READ(x) lengthened_number(x)
#define MADE(x) shortened_number(x, nan)
#define FORWARD forward_short
#define BACKWARD backward_short
#include "frozen_normalization_rows.h"

/* x, gamma, beta, mean, variance; rows, columns, epsilon, lowest, highest, the bits of NaN; y */
static const char *normalized(part *pass, const slot *s) {
    batch b = {.x = s[0].address, .rows = s[5].whole, .columns = s[6].whole,
               .lowest = (float)s[8].number, .highest = (float)s[9].number,
               .nan = (uint16_t)s[10].whole, .y = s[11].address};
    if (!prepared(&b, s + 1, s[7].number, 0)) return NO_MEMORY;
    in_parts(pass, &b, b.blocks, 1 + LEAST_ELEMENTS / BLOCK);
    free(b.sums);
    return NULL;
}

/* gradient, x, gamma, beta or NULL, mean, variance; rows, columns, epsilon, lowest, highest, the
   bits of NaN; gradients of x, gamma, beta */
static const char *with_gradients(part *pass, const slot *s) {
    batch b = {.gradient = s[0].address, .x = s[1].address, .rows = s[6].whole,
               .columns = s[7].whole, .lowest = (float)s[9].number,
               .highest = (float)s[10].number, .nan = (uint16_t)s[11].whole,
               .y = s[12].address};
    const float *variance = s[5].address;
    float *of_gamma = s[13].address, *of_beta = s[14].address;
    if (!prepared(&b, s + 2, s[8].number, 2)) return NO_MEMORY;
    in_parts(pass, &b, b.blocks, 1 + LEAST_ELEMENTS / BLOCK);
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

const char *normalize_frozen(const slot *s) { return normalized(forward, s); }

const char *normalize_frozen_short(const slot *s) { return normalized(forward_short, s); }

const char *normalize_frozen_backward(const slot *s) { return with_gradients(backward, s); }

const char *normalize_frozen_short_backward(const slot *s) {
    return with_gradients(backward_short, s);
}
