/* The end of a classifier: softmax, sparse cross-entropy, their gradient, loss and accuracy. */

#include <stdio.h>

#include "kernels.h"

typedef struct {
    const float *logits;
    const int64_t *labels;
    const float *gradient; /* of each example's loss; NULL where none is asked for */
    float *loss_total, *loss_count, *right_total, *right_count;
    int64_t examples, classes;
    float low, high;
    float *probabilities, *loss, *logits_gradient;
} scoring;

/* Sums are taken in 16 lanes, which vectorises, and rounds less than one after the other. */
INLINE float sum(const float *x, int64_t count) {
    float lanes[16] = {0}, total = 0;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int j = 0; j < 16; j++) lanes[j] += x[i + j];
    for (int j = 0; j < 16 && i > 0; j++) total += lanes[j];
    for (; i < count; i++) total += x[i];
    return total;
}

INLINE float sum_of_products(const float *x, const float *y, int64_t count) {
    float lanes[16] = {0}, total = 0;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int j = 0; j < 16; j++) lanes[j] += x[i + j] * y[i + j];
    for (int j = 0; j < 16 && i > 0; j++) total += lanes[j];
    for (; i < count; i++) total += x[i] * y[i];
    return total;
}

/* The first of the largest; NaN counts as larger than all, as in PyTorch. */
INLINE int64_t largest(const float *x, int64_t count) {
    int64_t found = 0;
    for (int64_t i = 1; i < count; i++) {
        if (x[i] > x[found] || (x[i] != x[i] && x[found] == x[found])) found = i;
    }
    return found;
}

FAST static void exponentials(const float *x, float *p, int64_t examples, int64_t classes) {
    for (int64_t i = 0; i < examples; i++) {
        float most = x[i * classes + largest(x + i * classes, classes)];
        for (int64_t j = 0; j < classes; j++) p[i * classes + j] = x[i * classes + j] - most;
    }
    for (int64_t i = 0; i < examples * classes; i++) p[i] = exponential(p[i]);
    for (int64_t i = 0; i < examples; i++) {
        float total = sum(p + i * classes, classes);
        for (int64_t j = 0; j < classes; j++) p[i * classes + j] /= total;
    }
}

FAST static void scored(scoring *s) {
    int64_t right = 0, classes = s->classes;
    double loss = 0;
    for (int64_t i = 0; i < s->examples; i++) {
        const float *p = s->probabilities + i * classes;
        int64_t label = s->labels[i];
        float total = sum(p, classes), share = p[label] / total, kept = share;
        if (kept < s->low) kept = s->low;
        if (kept > s->high) kept = s->high;
        loss -= logf(kept);
        if (s->right_total) right += largest(p, classes) == label;
        if (!s->logits_gradient) continue;
        /* The gradient for the probabilities is `rest` for each, and less for the right one. */
        float *gradient = s->logits_gradient + i * classes;
        float rest = share != kept ? 0.0f : *s->gradient / total;
        for (int64_t j = 0; j < classes; j++) gradient[j] = rest;
        gradient[label] += -rest / kept;
        float mean = sum_of_products(gradient, p, classes);
        for (int64_t j = 0; j < classes; j++) gradient[j] = p[j] * (gradient[j] - mean);
    }
    *s->loss = (float)loss / s->examples;
    if (s->loss_total) {
        *s->loss_total += *s->loss * s->examples;
        *s->loss_count += s->examples;
    }
    if (s->right_total) {
        *s->right_total += right;
        *s->right_count += s->examples;
    }
}

static const char *done(scoring *s) {
    static _Thread_local char message[128];
    for (int64_t i = 0; i < s->examples; i++) {
        if (s->labels[i] < 0 || s->labels[i] >= s->classes) {
            snprintf(
                message, sizeof message,
                "index %lld is out of bounds for dimension 1 with size %lld",
                (long long)s->labels[i], (long long)s->classes);
            return message;
        }
    }
    exponentials(s->logits, s->probabilities, s->examples, s->classes);
    scored(s);
    return NULL;
}

const char *head(const slot *a) {
    scoring s = {a[0].address, a[1].address, a[2].address, a[3].address, a[4].address,
                 a[5].address, a[6].address, a[7].whole,   a[8].whole,   a[9].number,
                 a[10].number, a[11].address, a[12].address, a[13].address};
    return done(&s);
}

const char *score(const slot *a) {
    scoring s = {a[0].address, a[1].address, NULL,         a[2].address, a[3].address,
                 a[4].address, a[5].address, a[6].whole,   a[7].whole,   a[8].number,
                 a[9].number,  a[10].address, a[11].address, NULL};
    return done(&s);
}

/* logits; examples, classes; probabilities */
const char *softmax(const slot *a) {
    exponentials(a[0].address, a[3].address, a[1].whole, a[2].whole);
    return NULL;
}
