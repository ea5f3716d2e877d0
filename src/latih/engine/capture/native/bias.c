/* Biases of matrix products: added to all rows, and their gradient, the sum of all rows. */

#include <stdlib.h>

#include "kernels.h"

typedef struct {
    const float *bias;
    float *x;
    int64_t columns;
    int64_t relu;
} biasing;

FAST static void biased(void *context, int64_t begin, int64_t end) {
    const biasing *work = context;
    const float *bias = work->bias;
    int64_t columns = work->columns;
    for (int64_t i = begin; i < end; i++) {
        float *x = work->x + i * columns;
        if (work->relu) {
            for (int64_t j = 0; j < columns; j++) {
                float sum = x[j] + bias[j];
                x[j] = sum < 0 ? 0 : sum; /* NaN is not below 0, and stays */
            }
        } else {
            for (int64_t j = 0; j < columns; j++) x[j] += bias[j];
        }
    }
}

/* bias, x; rows, columns, relu */
const char *add_bias(const slot *s) {
    biasing work = {s[0].address, s[1].address, s[3].whole, s[4].whole};
    in_parts(biased, &work, s[2].whole, 1 + LEAST_ELEMENTS / work.columns);
    return NULL;
}

/* So many rows are added one after the other; what comes of them is added in pairs. */
enum { ROWS = 32, COLUMNS = 256 };

/* sums (c) = the sums of x (n, columns of all), for c of its columns */
FAST static void summed(const float *x, int64_t rows, int64_t all, int64_t columns, float *sums) {
    if (rows > ROWS) {
        int64_t half = (rows / 2 + ROWS - 1) / ROWS * ROWS;
        float second[COLUMNS];
        summed(x, half, all, columns, sums);
        summed(x + half * all, rows - half, all, columns, second);
        for (int64_t j = 0; j < columns; j++) sums[j] += second[j];
        return;
    }
    for (int64_t j = 0; j < columns; j++) sums[j] = x[j];
    for (int64_t i = 1; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) sums[j] += x[i * all + j];
}

typedef struct {
    const float *x;
    float *sums;
    int64_t rows, columns;
} summing;

static void summed_part(void *context, int64_t begin, int64_t end) {
    const summing *work = context;
    while (begin < end) {
        int64_t columns = end - begin < COLUMNS ? end - begin : COLUMNS;
        summed(work->x + begin, work->rows, work->columns, columns, work->sums + begin);
        begin += columns;
    }
}

/* x; rows, columns; sums */
const char *column_sums(const slot *s) {
    summing work = {s[0].address, s[3].address, s[1].whole, s[2].whole};
    /* Threads share columns, so the sums do not depend on how many there are. */
    int64_t least = 1 + 2 * LEAST_ELEMENTS / work.rows;
    in_parts(summed_part, &work, work.columns, least > 64 ? least : 64);
    return NULL;
}
