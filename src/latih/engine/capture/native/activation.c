/* Activations and their gradients, element by element. */

#include "kernels.h"

enum { RELU, LEAKY_RELU, ELU, SIGMOID, TANH }; /* as in activation.py */

typedef struct {
    const float *x, *gradient;
    float *y;
    int64_t kind;
    float a, b, c;
} activation;

FAST static void forward(void *context, int64_t begin, int64_t end) {
    const activation *work = context;
    const float *x = work->x;
    float *y = work->y;
    const float a = work->a, b = work->b, c = work->c;
    switch (work->kind) {
    case RELU: /* NaN is not below 0, and stays */
        for (int64_t i = begin; i < end; i++) y[i] = x[i] < 0 ? 0 : x[i];
        break;
    case LEAKY_RELU: /* a: the slope below 0 */
        for (int64_t i = begin; i < end; i++) y[i] = x[i] > 0 ? x[i] : x[i] * a;
        break;
    case ELU: /* factors: a of outputs below 0, b of those above, c of inputs below */
        for (int64_t i = begin; i < end; i++) {
            float below = exponential_minus_one((x[i] > 0 ? 0 : x[i]) * c) * a;
            y[i] = x[i] > 0 ? x[i] * b : below;
        }
        break;
    }
}

/* x is what the gradient is worked out from: for ReLU, sigmoid and tanh the output, else the input. */
FAST static void backward(void *context, int64_t begin, int64_t end) {
    const activation *work = context;
    const float *x = work->x, *gradient = work->gradient;
    float *y = work->y;
    const float a = work->a, b = work->b, c = work->c;
    switch (work->kind) {
    case RELU:
        for (int64_t i = begin; i < end; i++) y[i] = x[i] <= 0 ? 0 : gradient[i];
        break;
    case LEAKY_RELU:
        for (int64_t i = begin; i < end; i++) y[i] = x[i] > 0 ? gradient[i] : gradient[i] * a;
        break;
    case ELU:
        for (int64_t i = begin; i < end; i++) {
            /* PyTorch's gradient where x is NaN is that of x > 0 or NaN, by its place; here NaN. */
            float below = c * a * exponential((x[i] > 0 ? 0 : x[i]) * c);
            y[i] = gradient[i] * (x[i] > 0 ? b : below);
        }
        break;
    case SIGMOID:
        for (int64_t i = begin; i < end; i++) y[i] = gradient[i] * (1 - x[i]) * x[i];
        break;
    case TANH:
        for (int64_t i = begin; i < end; i++) y[i] = gradient[i] * (1 - x[i] * x[i]);
        break;
    }
}

/* x; count, kind, a, b, c; y */
const char *activate(const slot *s) {
    activation work = {s[0].address, NULL, s[6].address, s[2].whole,
                       s[3].number,  s[4].number, s[5].number};
    in_parts(forward, &work, s[1].whole, LEAST_ELEMENTS);
    return NULL;
}

/* gradient, x; count, kind, a, b, c; y */
const char *activate_backward(const slot *s) {
    activation work = {s[1].address, s[0].address, s[7].address, s[3].whole,
                       s[4].number,  s[5].number,  s[6].number};
    in_parts(backward, &work, s[2].whole, LEAST_ELEMENTS);
    return NULL;
}
