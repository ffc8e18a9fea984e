/*
 * System calls, by the files that hold them. Each takes its arguments from the caller's saved
 * registers and returns its status (ipc/abi/README.md describes them), or does not return.
 */
#pragma once

#include "boot.h"
#include "ec.h"

/*
 * A call that has more to do than is done at once returns syscall_again(): the program executes its
 * SYSCALL once more, and interrupts come in between. So a step keeps nothing for the next one but
 * what it has changed, and looks everything up again.
 */
#define SYSCALL_AGAIN UINT64_MAX
uint64_t syscall_again(void);

/* Nodes that a step removes: few, but so many that all CPUs cannot derive as fast (derive.h). */
#define NODES_AT_ONCE (22 + 2 * boot_handoff.cpus)

uint64_t syscall_create(struct ec *ec);   /* create.c */
uint64_t syscall_delegate(struct ec *ec); /* grant.c */
uint64_t syscall_revoke(struct ec *ec);
uint64_t syscall_lookup(struct ec *ec);
uint64_t syscall_destroy(struct ec *ec); /* destroy.c */
uint64_t syscall_map(struct ec *ec);     /* memory.c */
uint64_t syscall_unmap(struct ec *ec);
uint64_t syscall_deposit(struct ec *ec);
uint64_t syscall_withdraw(struct ec *ec);
uint64_t syscall_control(struct ec *ec); /* control.c */

/*
 * The slot of a selector in a table, to be filled if it is empty. STATUS_BAD_SELECTOR: past the
 * table; STATUS_NEEDS_FRAMES: the table's pool lacks RDX frames.
 */
enum status slot_open(struct ec *ec, struct table *table, uint64_t selector, struct node **slot)
    __attribute__((warn_unused_result));

/*
 * The address space of a domain or VM that a capability has the right to map into. NULL: it is none
 * such; space_refusal says what it lacks.
 */
struct space *space_of(uint64_t word);
enum status space_refusal(uint64_t word);

/* One step of revoking what is derived from slot, and with self what it holds. True: all is gone.
 */
bool slot_revoke(struct node *slot, bool self) __attribute__((warn_unused_result));
