#ifndef COMMON_H
#define COMMON_H

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cpeers.h"

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline bool fail(char *error, const char *what) {
    snprintf(error, PEER_ERROR_BYTES, "%s", what ? what : "out of memory");
    return false;
}

static inline const char *text(const peer_texts *texts, size_t i) { return texts->bytes + texts->starts[i]; }
static inline size_t length(const peer_texts *texts, size_t i) { return texts->starts[i + 1] - texts->starts[i]; }

/// Notes when an operation is over, where that is wanted.
static inline void note(peer_work *work, size_t i, double *last) {
    if (!work->each) return;
    double end = now();
    work->each[i] = end - *last;
    *last = end;
}

#endif
