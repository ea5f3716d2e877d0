/* Rows (n, c) in blocks: what batch normalisation by a batch's statistics and by kept ones share. */

#ifndef LATIH_NORMALIZATION_H
#define LATIH_NORMALIZATION_H

#include "kernels.h"

enum { BLOCK = 8192, WIDTH = 512 }; /* elements of a block; columns that are taken together */

#define NO_MEMORY "there is no memory for the sums of a batch normalisation"

INLINE int64_t rows_a_block(int64_t columns) { return 1 + BLOCK / columns; }

/* How many rows a block has: the last one what is left. */
INLINE int64_t rows_in(int64_t block, int64_t rows, int64_t columns) {
    int64_t each = rows_a_block(columns), left = rows - block * each;
    return left < each ? left : each;
}

#endif
