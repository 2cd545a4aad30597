/* What the self-test needs on an emulated Cortex-M: vectors, the FPU switched on, letters and the exit by semihosting. */
#include <stdint.h>

extern uint32_t stack_top;
int main(void);
int board_put(int letter);
void board_exit(int code);
void reset(void);

static int semihosting(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

int board_put(int letter)
{
    const char text = (char)letter;
    semihosting(0x03, &text);
    return letter;
}

void board_exit(int code)
{
    const uint32_t reason[2] = {0x20026, (uint32_t)code};
    semihosting(0x20, reason);
    for (;;) {
    }
}

void reset(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: the FPU, and Helium with it */
    __asm__ volatile("dsb\n isb");
    board_exit(main());
}

static void fault(void)
{
    board_exit(99);
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    &stack_top, (const void *)reset, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault,
};
