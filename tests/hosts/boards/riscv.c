/* What the self-test needs on QEMU's RISC-V board "virt": the FPU switched on, letters and the exit by semihosting. */
#include <stdint.h>

int main(void);
int board_put(int letter);
void board_exit(int code);
void begin(void);

__attribute__((noinline)) static long semihosting(long operation, const void *argument)
{
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".balign 16\n .option push\n .option norvc\n slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n .option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

int board_put(int letter)
{
    const char text = (char)letter;
    semihosting(0x03, &text);
    return letter;
}

void board_exit(int code)
{
    const unsigned long reason[2] = {0x20026, (unsigned long)code};
    semihosting(0x20, reason);
    for (;;) {
    }
}

__attribute__((section(".begin"), naked)) void begin(void)
{
    __asm__ volatile("li t0, 0x2000\n csrs mstatus, t0\n la sp, stack_top\n call main\n call board_exit");
}
