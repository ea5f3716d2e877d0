/* PyTorch's own threads: two OpenMP runtimes in one process would fight for its cores. */

#include "kernels.h"
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* What GNU OpenMP calls, and others offer for its sake, to run a function on a team of threads. */
static void (*gomp_parallel)(void (*)(void *), void *, unsigned, unsigned);
static int (*most_threads)(void);
static int (*thread_number)(void);
static int (*team_size)(void);

void share_threads(void *parallel, void *most, void *number, void *size) {
    memcpy(&gomp_parallel, &parallel, sizeof parallel);
    memcpy(&most_threads, &most, sizeof most);
    memcpy(&thread_number, &number, sizeof number);
    memcpy(&team_size, &size, sizeof size);
}

typedef struct {
    part *work;
    void *context;
    int64_t count;
    unsigned rounding;
} team;

static void member(void *given) {
    team *t = given;
    int64_t number = thread_number(), size = team_size();
#if defined(__SSE__)
    /* Numbers are rounded, and small ones flushed to zero, as on the thread that asked. */
    unsigned before = _mm_getcsr();
    _mm_setcsr(t->rounding);
#endif
    t->work(t->context, t->count * number / size, t->count * (number + 1) / size);
#if defined(__SSE__)
    _mm_setcsr(before);
#endif
}

void in_parts(part *work, void *context, int64_t count, int64_t least) {
    int64_t threads = count / (least > 0 ? least : 1);
    if (threads > 1 && gomp_parallel) {
        int64_t most = most_threads();
        threads = threads < most ? threads : most;
    } else {
        threads = 1;
    }
    if (threads < 2) {
        work(context, 0, count);
        return;
    }
    team t = {work, context, count, 0};
#if defined(__SSE__)
    t.rounding = _mm_getcsr();
#endif
    gomp_parallel(member, &t, (unsigned)threads, 0);
}
