/* The passes of batch normalisation by statistics that stay over rows of one type of numbers.

Included once for each type, after its names: NUMBER, how it is READ as a float32 and MADE of one,
and FORWARD and BACKWARD, the passes. */

FAST static void FORWARD(void *context, int64_t begin, int64_t end) {
    const batch *b = context;
    int64_t columns = b->columns, last = end < b->blocks ? end * b->rows_a_block : b->rows;
    const float *factor = b->factor, *shift = b->shift;
    const float lowest = b->lowest, highest = b->highest;
    const uint16_t nan = b->nan;
    (void)nan;
    for (int64_t i = begin * b->rows_a_block; i < last; i++) {
        const NUMBER *x = (const NUMBER *)b->x + i * columns;
        NUMBER *restrict y = (NUMBER *)b->y + i * columns;
        for (int64_t j = 0; j < columns; j++) {
            float one = READ(x[j]) * factor[j] + shift[j];
            one = one < lowest ? lowest : one; /* NaN is neither below nor above, and stays */
            y[j] = MADE(one > highest ? highest : one);
        }
    }
}

FAST static void BACKWARD(void *context, int64_t begin, int64_t end) {
    const batch *b = context;
    int64_t all = b->columns;
    const float lowest = b->lowest, highest = b->highest;
    const uint16_t nan = b->nan;
    (void)nan;
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
                const NUMBER *x = (const NUMBER *)b->x + place + i * all;
                const NUMBER *gradient = (const NUMBER *)b->gradient + place + i * all;
                NUMBER *restrict y = (NUMBER *)b->y + place + i * all;
                for (int64_t j = 0; j < columns; j++) {
                    float number = READ(x[j]);
                    /* As it was written, and so rounded, before the activation. */
                    float before = READ(MADE(number * factor[j] + shift[j]));
                    float one = before <= lowest || before >= highest ? 0 : READ(gradient[j]);
                    sums[j] += one;
                    products[j] += one * (number - mean[j]);
                    y[j] = MADE(one * factor[j]);
                }
            }
            for (int64_t j = 0; j < columns; j++) {
                b->sums[block * all + start + j] = sums[j];
                b->products[block * all + start + j] = products[j];
            }
        }
    }
}

#undef NUMBER
#undef READ
#undef MADE
#undef FORWARD
#undef BACKWARD
