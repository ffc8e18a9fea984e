/*
 * Do the CPUs' TSCs agree? Time is the TSC, on every CPU the same, or the kernel refuses.
 */
#ifndef CAIRN_TSC_H
#define CAIRN_TSC_H

#include "types.h"

/*
 * CPU 0 calls tsc_check_ask for each other CPU in turn, while that one is in tsc_check_answer.
 * Returns an upper bound of the difference in ticks; stops the kernel if the two TSCs certainly
 * differ, or if the CPU does not answer within a second.
 */
uint64_t tsc_check_ask(uint32_t index);
void tsc_check_answer(uint32_t index);

#endif
