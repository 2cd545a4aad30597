/* Prints the median time of one decision as JSON; decision.py builds it with the C program of `aetk embed c`. */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "detector.h"
#include "golden.h"

enum { CALLS = 500, WARM_UP = 100, REPEATS = 20 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int ascending(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(void)
{
    static double taken[CALLS];
    detector_decision decision;
    for (int call = -WARM_UP; call < CALLS; ++call) {
        const float *row = golden_inputs.values + (size_t)(call + WARM_UP) % GOLDEN_ROWS * DETECTOR_FEATURES;
        const double start = now();
        for (int repeat = 0; repeat < REPEATS; ++repeat) {
            detector_decide(row, DETECTOR_THRESHOLD, &decision);
        }
        if (call >= 0) {
            taken[call] = (now() - start) / REPEATS;
        }
    }
    qsort(taken, CALLS, sizeof *taken, ascending);
    printf("{\"passed\": true, \"runtime\": \"none\", \"microseconds\": %.3f}\n", taken[CALLS / 2]);
    return 0;
}
