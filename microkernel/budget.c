/*
 * Budgets: what is not on the way of a switch.
 */
#include "budget.h"

void budget_init(struct budget *b, uint64_t budget, uint64_t period)
{
    *b = (struct budget){.budget = budget, .period = period, .left = budget};
}
