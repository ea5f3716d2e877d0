/* Adam on gradients in bfloat16 or float32, which also leaves a copy of the weights in bfloat16. It
   does what PyTorch's kernel does on the same gradients in float32, to the bit. */

#include "bfloat16.h"
#include "caches.h"

typedef struct {
    float *weights, *means, *squares;
    const uint16_t *short_gradients; /* NULL for those in float32 */
    const float *gradients;
    uint16_t *copy; /* NULL for none */
    uint16_t nan;
    double beta_1, beta_2, root, epsilon, rate;
} moving;

INLINE float lengthened(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* `count` elements from `begin` on; their copy goes elsewhere. Sums of products are rounded as by
   PyTorch: means approach gradients from the nearer side, and squares are shortened first. */
INLINE void move(
    const moving *work, int64_t begin, int64_t count, int is_short, uint16_t *restrict copy) {
    float *restrict weights = work->weights + begin;
    float *restrict means = work->means + begin, *restrict squares = work->squares + begin;
    const uint16_t *restrict halves = is_short ? work->short_gradients + begin : NULL;
    const float *restrict gradients = is_short ? NULL : work->gradients + begin;
    const float of_gradient = 1.0 - work->beta_1, of_square = 1.0 - work->beta_2;
    const float beta_2 = work->beta_2, root = work->root, epsilon = work->epsilon;
    const float rate = work->rate;
    const int from_mean = of_gradient < 0.5f;
    const float share = from_mean ? of_gradient : of_gradient - 1.0f;
    const uint16_t nan = work->nan;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        float gradient = is_short ? lengthened(halves[i]) : gradients[i];
        float mean = fmaf(share, gradient - means[i], from_mean ? means[i] : gradient);
        float square = fmaf(of_square * gradient, gradient, squares[i] * beta_2);
        float weight = weights[i] - rate * mean / (sqrtf(square) / root + epsilon);
        means[i] = mean;
        squares[i] = square;
        weights[i] = weight;
        memcpy(&bits, &weight, sizeof bits);
        copy[i] = upper_half(bits, nan);
    }
}

INLINE void move_all(const moving *work, int64_t begin, int64_t end, int is_short) {
    uint16_t block[BLOCK] __attribute__((aligned(LINE)));
    for (int64_t i = begin, count; i < end; i += count) {
        uint16_t *copy = work->copy ? work->copy + i : NULL;
        int64_t before = copy ? before_line(copy, sizeof *copy, end - i) : 0;
        count = before ? before : end - i;
        count = count < BLOCK ? count : BLOCK;
        move(work, i, count, is_short, block);
        if (copy && count == BLOCK && !before)
            write_past_caches(copy, block, sizeof block);
        else if (copy)
            memcpy(copy, block, count * sizeof *copy);
    }
    finish_writing();
}

FAST static void moved(void *context, int64_t begin, int64_t end) {
    const moving *work = context;
    if (work->short_gradients)
        move_all(work, begin, end, 1);
    else
        move_all(work, begin, end, 0);
}

/* weights, gradients in bfloat16 or NULL, gradients in float32 or NULL, means, squares, copy; count,
   the bits of NaN; beta_1, beta_2, root, epsilon, rate */
const char *adam(const slot *s) {
    moving work = {
        s[0].address, s[3].address, s[4].address, s[1].address, s[2].address, s[5].address,
        s[7].whole, s[8].number, s[9].number, s[10].number, s[11].number, s[12].number};
    in_parts(moved, &work, s[6].whole, LEAST_ELEMENTS);
    return NULL;
}
