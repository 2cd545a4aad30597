/* Replays the golden rows; detector_selftest returns 0 where this machine decides as the model did at its export.
 *
 * Nothing here needs stdio: a board that has none gives -DSELFTEST_PUT=its_function, an int f(int letter) that sends one
 * letter to its UART. With -DSELFTEST_WITHOUT_MAIN, the firmware calls detector_selftest itself. */
#include <stddef.h>

#include "detector.h"
#include "golden.h"

#ifdef SELFTEST_PUT
extern int SELFTEST_PUT(int letter);
#else
#include <stdio.h>
#define SELFTEST_PUT putchar
#endif

int detector_selftest(void);

typedef struct {
    unsigned flipped_decisions, flipped_validity, broken_rule;
    float largest_difference;
} comparison;

static void put_text(const char *text)
{
    for (; *text != '\0'; ++text) {
        (void)SELFTEST_PUT(*text);
    }
}

static void put_number(unsigned long number, unsigned long place)
{
    for (; place > 0; place /= 10) {
        if (number >= place || place == 1) {
            (void)SELFTEST_PUT((int)('0' + number / place % 10));
        }
    }
}

/* A share of one with nine places. */
static void put_share(float share)
{
    unsigned long billionths = share < 4.0f ? (unsigned long)((double)share * 1e9 + 0.5) : 3999999999UL;
    put_number(billionths / 1000000000UL, 1);
    put_text(".");
    for (unsigned long place = 100000000UL; place > 0; place /= 10) {
        put_number(billionths / place % 10, 1);
    }
}

static float distance(float a, float b)
{
    return a < b ? b - a : a - b;
}

static void compare(comparison *found, size_t row, const detector_decision *answer, const float *contribution)
{
    const float difference = distance(answer->similarity, golden_similarity.values[row]);
    if (!(difference <= found->largest_difference)) {
        found->largest_difference = difference;
    }
    found->flipped_decisions += golden_is_anomaly[row] < 2 && answer->is_anomaly != (golden_is_anomaly[row] == 1);
    found->flipped_validity += answer->is_valid != (golden_is_valid[row] == 1);
    found->broken_rule += answer->is_anomaly != !(answer->similarity >= DETECTOR_THRESHOLD);
    found->broken_rule += !answer->is_valid && !(answer->similarity <= -1.0f && answer->similarity >= -1.0f);
    if (contribution != NULL) {
        float sum = 0.0f;
        for (size_t i = 0; i < DETECTOR_FEATURES; ++i) {
            sum += contribution[i];
        }
        found->broken_rule +=
            !(distance(sum, answer->is_valid ? 1.0f - answer->similarity : 0.0f) <= 10.0f * DETECTOR_TOLERANCE);
    }
}

static void replay_one_by_one(comparison *found)
{
    for (size_t row = 0; row < GOLDEN_ROWS; ++row) {
        const float *const values = golden_inputs.values + row * DETECTOR_FEATURES;
        detector_decision answer;
#if DETECTOR_EXPLAINS
        float contribution[DETECTOR_FEATURES];
        detector_decide(values, DETECTOR_THRESHOLD, &answer, NULL);
        compare(found, row, &answer, NULL);
        detector_decide(values, DETECTOR_THRESHOLD, &answer, contribution);
        compare(found, row, &answer, contribution);
#else
        detector_decide(values, DETECTOR_THRESHOLD, &answer);
        compare(found, row, &answer, NULL);
#endif
    }
}

#ifndef DETECTOR_WITHOUT_ROWS
static void replay_from(comparison *found, size_t first)
{
    detector_decision answers[GOLDEN_ROWS];
    const float *const rows = golden_inputs.values + first * DETECTOR_FEATURES;
#if DETECTOR_EXPLAINS
    detector_decide_rows(rows, GOLDEN_ROWS - first, DETECTOR_THRESHOLD, answers, NULL);
#else
    detector_decide_rows(rows, GOLDEN_ROWS - first, DETECTOR_THRESHOLD, answers);
#endif
    for (size_t row = first; row < GOLDEN_ROWS; ++row) {
        compare(found, row, answers + row - first, NULL);
    }
}
#endif

int detector_selftest(void)
{
    comparison found = {0, 0, 0, 0.0f};
    int failed;
    replay_one_by_one(&found);
#ifndef DETECTOR_WITHOUT_ROWS
    replay_from(&found, 0);
    replay_from(&found, GOLDEN_ROWS % 32); /* so that the last rows are judged in a block, too */
#endif
    failed = found.flipped_decisions + found.flipped_validity + found.broken_rule > 0 ||
             !(found.largest_difference <= DETECTOR_TOLERANCE);
    put_text(failed ? "FAILED: " : "passed: ");
    put_number(GOLDEN_ROWS, 100000);
    put_text(" golden rows, ");
    put_number(found.flipped_decisions, 100000);
    put_text(" decisions and ");
    put_number(found.flipped_validity, 100000);
    put_text(" validities differ, ");
    put_number(found.broken_rule, 100000);
    put_text(" break the rule; largest difference ");
    put_share(found.largest_difference);
    put_text("\n");
    return failed;
}

#ifndef SELFTEST_WITHOUT_MAIN
int main(void)
{
    return detector_selftest();
}
#endif
