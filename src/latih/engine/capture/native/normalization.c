/* Batch normalisation of rows (n, c), its moving statistics, and its gradients.

Rows are taken in blocks that fit into a core's cache, so what is needed of them twice is read from
memory once. The blocks depend on the shape alone: results are the same on any number of threads. */

#include <stdlib.h>

#include "normalization.h"

typedef struct {
    const float *x, *gradient, *gamma, *beta, *seen;
    float *mean, *inverse_deviation, *gamma_gradient, *beta_gradient, *y;
    double *first, *second; /* of each block and column: mean and squares, or the two sums */
    float *factor, *shift, *slope;
    int64_t rows, columns, rows_a_block, blocks;
    int64_t relu;
} batch;

INLINE int64_t rows_of(const batch *b, int64_t block) {
    return rows_in(block, b->rows, b->columns);
}

/* The mean of each column in some blocks, and the sum of squares of what differs from it. */
FAST static void moments(void *context, int64_t begin, int64_t end) {
    const batch *b = context;
    int64_t all = b->columns;
    for (int64_t block = begin; block < end; block++) {
        int64_t rows = rows_of(b, block);
        for (int64_t start = 0; start < all; start += WIDTH) {
            int64_t columns = all - start < WIDTH ? all - start : WIDTH;
            const float *x = b->x + block * b->rows_a_block * all + start;
            float sums[WIDTH], squares[WIDTH];
            for (int64_t j = 0; j < columns; j++) sums[j] = squares[j] = 0;
            for (int64_t i = 0; i < rows; i++)
                for (int64_t j = 0; j < columns; j++) sums[j] += x[i * all + j];
            for (int64_t j = 0; j < columns; j++) sums[j] /= (float)rows;
            for (int64_t i = 0; i < rows; i++) {
                for (int64_t j = 0; j < columns; j++) {
                    float rest = x[i * all + j] - sums[j];
                    squares[j] += rest * rest;
                }
            }
            for (int64_t j = 0; j < columns; j++) {
                b->first[block * all + start + j] = sums[j];
                b->second[block * all + start + j] = squares[j];
            }
        }
    }
}

/* Put the blocks' moments together (Chan, Golub & LeVeque 1983, equation 2.1). */
FAST static void joined(const batch *b, double epsilon) {
    int64_t columns = b->columns;
    double *mean = b->first, *squares = b->second;
    double counted = rows_of(b, 0);
    for (int64_t block = 1; block < b->blocks; block++) {
        double rows = rows_of(b, block), total = counted + rows;
        double share = rows / total, weight = counted * share;
        for (int64_t j = 0; j < columns; j++) {
            double rest = mean[block * columns + j] - mean[j];
            mean[j] += rest * share;
            squares[j] += squares[block * columns + j] + rest * rest * weight;
        }
        counted = total;
    }
    for (int64_t j = 0; j < columns; j++) {
        b->mean[j] = (float)mean[j];
        b->inverse_deviation[j] = (float)(1 / sqrt(squares[j] / counted + epsilon));
    }
}

FAST static void scaled(void *context, int64_t begin, int64_t end) {
    const batch *b = context;
    int64_t columns = b->columns;
    const float *factor = b->factor, *shift = b->shift;
    for (int64_t block = begin; block < end; block++) {
        int64_t rows = rows_of(b, block);
        for (int64_t i = 0; i < rows; i++) {
            int64_t start = (block * b->rows_a_block + i) * columns;
            const float *x = b->x + start;
            float *y = b->y + start;
            if (b->relu) {
                for (int64_t j = 0; j < columns; j++) {
                    float one = x[j] * factor[j] + shift[j];
                    y[j] = one < 0 ? 0 : one;
                }
            } else {
                for (int64_t j = 0; j < columns; j++) y[j] = x[j] * factor[j] + shift[j];
            }
        }
    }
}

static int prepared(batch *b) {
    b->rows_a_block = rows_a_block(b->columns);
    b->blocks = (b->rows + b->rows_a_block - 1) / b->rows_a_block;
    size_t sums = (size_t)(b->blocks * b->columns), columns = (size_t)b->columns;
    b->first = malloc(2 * sums * sizeof(double) + 3 * columns * sizeof(float));
    if (!b->first) return 0;
    b->second = b->first + sums;
    b->factor = (float *)(b->second + sums);
    b->shift = b->factor + columns;
    b->slope = b->shift + columns;
    return 1;
}

/* x, gamma, beta, moving mean, moving variance; rows, columns, relu, epsilon, share; y, mean, 1/σ */
FAST const char *normalize(const slot *s) {
    batch b = {.x = s[0].address, .gamma = s[1].address, .beta = s[2].address,
               .y = s[10].address, .mean = s[11].address, .inverse_deviation = s[12].address,
               .rows = s[5].whole, .columns = s[6].whole, .relu = s[7].whole};
    float *moving_mean = s[3].address, *moving_variance = s[4].address;
    float epsilon = (float)s[8].number, share = (float)s[9].number;
    if (!prepared(&b)) return NO_MEMORY;
    int64_t least = 1 + LEAST_ELEMENTS / BLOCK;
    in_parts(moments, &b, b.blocks, least);
    joined(&b, s[8].number);
    for (int64_t j = 0; j < b.columns; j++) {
        float inverse = b.inverse_deviation[j];
        b.factor[j] = inverse * b.gamma[j];
        b.shift[j] = b.beta[j] - b.mean[j] * b.factor[j];
    }
    if (moving_mean) {
        for (int64_t j = 0; j < b.columns; j++) {
            float inverse = b.inverse_deviation[j];
            float variance = 1 / (inverse * inverse) - epsilon;
            moving_mean[j] += share * (b.mean[j] - moving_mean[j]);
            moving_variance[j] += share * (variance - moving_variance[j]);
        }
    }
    in_parts(scaled, &b, b.blocks, least);
    free(b.first);
    return NULL;
}

/* The sums over some blocks of the gradient, and of its product with x - mean. */
FAST static void sums_of_gradients(void *context, int64_t begin, int64_t end) {
    const batch *b = context;
    int64_t all = b->columns;
    for (int64_t block = begin; block < end; block++) {
        int64_t rows = rows_of(b, block);
        for (int64_t start = 0; start < all; start += WIDTH) {
            int64_t columns = all - start < WIDTH ? all - start : WIDTH;
            int64_t place = block * b->rows_a_block * all + start;
            const float *mean = b->mean + start;
            float sums[WIDTH], products[WIDTH];
            for (int64_t j = 0; j < columns; j++) sums[j] = products[j] = 0;
            for (int64_t i = 0; i < rows; i++) {
                const float *x = b->x + place + i * all, *g = b->gradient + place + i * all;
                if (b->seen) {
                    const float *seen = b->seen + place + i * all;
                    for (int64_t j = 0; j < columns; j++) {
                        float one = seen[j] <= 0 ? 0 : g[j];
                        sums[j] += one;
                        products[j] += one * (x[j] - mean[j]);
                    }
                } else {
                    for (int64_t j = 0; j < columns; j++) {
                        sums[j] += g[j];
                        products[j] += g[j] * (x[j] - mean[j]);
                    }
                }
            }
            for (int64_t j = 0; j < columns; j++) {
                b->first[block * all + start + j] = sums[j];
                b->second[block * all + start + j] = products[j];
            }
        }
    }
}

FAST static void gradients(void *context, int64_t begin, int64_t end) {
    const batch *b = context;
    int64_t columns = b->columns;
    const float *mean = b->mean, *factor = b->factor, *shift = b->shift, *slope = b->slope;
    int64_t last = end < b->blocks ? end * b->rows_a_block : b->rows;
    for (int64_t i = begin * b->rows_a_block; i < last; i++) {
        const float *x = b->x + i * columns, *g = b->gradient + i * columns;
        float *y = b->y + i * columns;
        if (b->seen) {
            const float *seen = b->seen + i * columns;
            for (int64_t j = 0; j < columns; j++) {
                float one = seen[j] <= 0 ? 0 : g[j];
                y[j] = (one - (x[j] - mean[j]) * slope[j] - shift[j]) * factor[j];
            }
        } else {
            for (int64_t j = 0; j < columns; j++)
                y[j] = (g[j] - (x[j] - mean[j]) * slope[j] - shift[j]) * factor[j];
        }
    }
}

/* gradient, x, gamma, mean, 1/σ, ReLU's outputs or NULL; rows, columns; gradients of x, γ, β */
FAST const char *normalize_backward(const slot *s) {
    batch b = {.gradient = s[0].address, .x = s[1].address, .gamma = s[2].address,
               .mean = s[3].address, .inverse_deviation = s[4].address, .seen = s[5].address,
               .rows = s[6].whole, .columns = s[7].whole, .y = s[8].address,
               .gamma_gradient = s[9].address, .beta_gradient = s[10].address};
    if (!prepared(&b)) return NO_MEMORY;
    int64_t least = 1 + LEAST_ELEMENTS / BLOCK, columns = b.columns;
    in_parts(sums_of_gradients, &b, b.blocks, least);
    for (int64_t block = 1; block < b.blocks; block++) {
        for (int64_t j = 0; j < columns; j++) {
            b.first[j] += b.first[block * columns + j];
            b.second[j] += b.second[block * columns + j];
        }
    }
    for (int64_t j = 0; j < columns; j++) {
        float inverse = b.inverse_deviation[j], product = (float)b.second[j];
        b.beta_gradient[j] = (float)b.first[j];
        b.gamma_gradient[j] = product * inverse;
        b.slope[j] = product * inverse * inverse / (float)b.rows;
        b.shift[j] = (float)b.first[j] / (float)b.rows;
        b.factor[j] = inverse * b.gamma[j];
    }
    if (b.y) in_parts(gradients, &b, b.blocks, least);
    free(b.first);
    return NULL;
}
