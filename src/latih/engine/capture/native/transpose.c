/* Rows to columns, of numbers of two bytes. */

#include "kernels.h"

/* A square of SIDE x SIDE numbers is turned by as many perfect shuffles as its side has bits: each
   rotates the bits of all places by one, until those of the row are where those of the column were. */
enum { SIDE = 32, BITS = 5, SQUARE = SIDE * SIDE };

INLINE void shuffle(const uint16_t *restrict x, uint16_t *restrict y) {
    for (int64_t i = 0; i < SQUARE / 2; i++) {
        y[2 * i] = x[i];
        y[2 * i + 1] = x[i + SQUARE / 2];
    }
}

typedef struct {
    const uint16_t *x;
    uint16_t *y;
    int64_t rows, columns;
} transposing;

INLINE void turn_square(const transposing *work, int64_t row, int64_t column) {
    uint16_t square[2][SQUARE] __attribute__((aligned(64)));
    for (int64_t i = 0; i < SIDE; i++) {
        const uint16_t *x = work->x + (row + i) * work->columns + column;
        memcpy(square[0] + i * SIDE, x, SIDE * sizeof *x);
    }
    for (int i = 0; i < BITS; i++) shuffle(square[i % 2], square[(i + 1) % 2]);
    for (int64_t j = 0; j < SIDE; j++) {
        uint16_t *y = work->y + (column + j) * work->rows + row;
        memcpy(y, square[BITS % 2] + j * SIDE, SIDE * sizeof *y);
    }
}

/* from and to: of squares, columns of x */
FAST static void transposed(void *context, int64_t from, int64_t to) {
    const transposing *work = context;
    int64_t rows = work->rows, columns = work->columns;
    int64_t end = to * SIDE < columns ? to * SIDE : columns;
    for (int64_t column = from * SIDE; column < end; column += SIDE) {
        int64_t row = 0, width = end - column < SIDE ? end - column : SIDE;
        if (width == SIDE)
            for (; row + SIDE <= rows; row += SIDE) turn_square(work, row, column);
        for (int64_t j = column; j < column + width; j++)
            for (int64_t i = row; i < rows; i++) work->y[j * rows + i] = work->x[i * columns + j];
    }
}

/* x; rows, columns; y */
const char *transpose(const slot *s) {
    transposing work = {s[0].address, s[3].address, s[1].whole, s[2].whole};
    int64_t squares = (work.columns + SIDE - 1) / SIDE;
    in_parts(transposed, &work, squares, 1 + LEAST_ELEMENTS / (SIDE * work.rows));
    return NULL;
}
