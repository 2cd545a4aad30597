/* Prints about how many instructions a row takes: SysTick under `qemu -icount shift=0`, calibrated by a known loop. */
#include <stdint.h>

#include "detector.h"
#include "golden.h"

#define SYSTICK ((volatile uint32_t *)0xE000E010)

int board_put(int letter);
int main(void);

static void put_number(uint32_t number)
{
    if (number >= 10) {
        put_number(number / 10);
    }
    board_put((int)('0' + number % 10));
}

static uint32_t now(void)
{
    return 0xFFFFFFu - SYSTICK[2];
}

int main(void)
{
    uint32_t start, known, taken, loops = 1000000, rows = 0;
    detector_decision answer;
    SYSTICK[1] = 0xFFFFFFu;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5;
    start = now();
    __asm__ volatile("1: subs %0, %0, #1\n bne 1b" : "+r"(loops) : : "cc");
    known = (now() - start) & 0xFFFFFFu; /* two million instructions */
    start = now();
    for (uint32_t row = 0; row < GOLDEN_ROWS; ++row) {
        if (golden_is_valid[row]) {
#if DETECTOR_EXPLAINS
            detector_decide(golden_inputs.values + row * DETECTOR_FEATURES, DETECTOR_THRESHOLD, &answer, 0);
#else
            detector_decide(golden_inputs.values + row * DETECTOR_FEATURES, DETECTOR_THRESHOLD, &answer);
#endif
            ++rows;
        }
    }
    taken = (now() - start) & 0xFFFFFFu;
    put_number((uint32_t)((uint64_t)taken * 2000000u / known / rows));
    board_put('\n');
    return 0;
}
