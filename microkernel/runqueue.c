/*
 * Run queue: what is not on the way of a switch.
 */
#include "runqueue.h"

void runqueue_init(struct runqueue *queue)
{
    for (unsigned word = 0; word < PRIORITIES / 64; word++)
        queue->ready[word] = 0;
    for (unsigned priority = 0; priority < PRIORITIES; priority++)
        chain_init(&queue->heads[priority]);
}
