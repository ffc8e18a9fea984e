/*
 * The documented errors (ipc/abi/errors.list), one case for each: a call that must be refused, and
 * what has to be there for it. The stage is what all cases share; a case leaves it as it found it.
 */
#pragma once

#include "world.h"

enum error_row {
#define ERROR(call, kind, status, when) ERROR_##call##_##kind##_##status,
#include "errors.list"
#undef ERROR
    ERROR_ROWS
};

/* Selectors of the stage. */
enum {
    E_NONE = TEST_SELECTORS, /* always empty: what calls must not fill, and what is not there */
    E_EC,                    /* has not begun */
    E_PT,                    /* to it */
    E_SM,                    /* count 0 */
    E_MEM,                   /* 16 pages */
    E_LARGE,                 /* 2 MiB, mapped in E_SPLIT_PD */
    E_PORTS,                 /* ranges of one */
    E_IRQ,
    E_PCI,
    E_EMPTY_POOL, /* has no frame */
    E_FUNDED,     /* some frames, of E_FUNDED_PART */
    E_FUNDED_PART,
    E_PAID, /* a page that E_FUNDED pays for */
    E_POOR, /* the three frames that E_POOR_PD takes, of E_POOR_PART */
    E_POOR_PART,
    E_POOR_PD,
    E_SPLIT, /* what it takes to map E_LARGE in E_SPLIT_PD, and no more */
    E_SPLIT_PART,
    E_SPLIT_PD,
    E_REMOTE,    /* EC of the second CPU, where there is one */
    E_REMOTE_PT, /* to it */
    E_VM,
    E_VCPU,        /* has no time */
    E_REMOTE_VCPU, /* of the second CPU, where there is one */
    E_DEEP,        /* at the end of the longest chain of derivation, for cases that say from what */
    E_CASE,        /* and following: what a case needs besides */
    E_WEAK = TEST_SELECTORS + 64, /* and type: a capability of that type without any known right */
    E_CHAIN = TEST_SELECTORS + 128, /* and following: the way to E_DEEP, and other crowds */
};

#define E_PAGES      16ull
#define E_WEAK_RIGHT (1u << 15)
#define E_ADDRESS    TEST_ADDRESS /* nothing is mapped at this page, in any domain */
#define E_MAPPED     (TEST_ADDRESS + (1ull << 30)) /* E_LARGE in E_SPLIT_PD */
#define E_PORT       0x80u                         /* of E_PORTS */
#define E_LINE       5u                            /* of E_IRQ */

/* Pages of WORLD_MEMORY that cases may take. */
#define E_PAGE_FREE 64u
#define E_PAGE_END  512u

struct error_case {
    struct system_registers r; /* of the call; RAX only what is not its number */
    uint32_t deep;             /* E_DEEP comes from this capability; 0: it is empty */
    bool two_cpus;
    bool guest;         /* not on machines that have no guests */
    bool (*open)(void); /* makes what is needed besides the stage */
    void (*close)(void);
    enum status (*provoke)(void); /* instead of one call by this thread */
};

extern const struct error_case error_cases[ERROR_ROWS];

/* All of the stage. False: something is missing; close it in any case. */
bool stage_open(const struct machine *m);
void stage_close(void);

/* One call, by this thread; what it returned. Not for calls that succeed in waiting. */
enum status stage_call(struct system_registers r);

/* E_DEEP, and what leads there. */
bool deep_open(uint32_t source);
void deep_close(void);

/* A pool at a selector with so many frames, which are those of WORLD_MEMORY from a page on. */
bool funded_open(uint32_t pool, uint32_t part, uint32_t payer, uint64_t page, uint64_t frames);

/* What needs more than one call to bring about (errors_scenes.c). */
enum status scene_chain(void);    /* CALL from the sixteenth of a chain */
enum status scene_down(void);     /* DOWN while the semaphore is destroyed */
enum status scene_slot(void);     /* CREATE in a domain without frames */
enum status scene_page(void);     /* VCPU_PAGE in one */
enum status scene_deposit(void);  /* DEPOSIT during WITHDRAW */
enum status scene_irq_bind(void); /* IRQ_BIND while the semaphore is destroyed */
enum status scene_pci_bind(void); /* PCI_BIND likewise */
bool scene_handler_gone(void);    /* E_CASE is a portal whose handler was destroyed */
void scene_handler_close(void);
bool scene_supervised(void); /* E_EC has a supervisor */
void scene_supervised_close(void);
bool scene_vcpu_supervised(void); /* E_VCPU has one */
bool scene_vcpu_ready(void);      /* E_CASE is a VCPU that has time */
void scene_vcpu_close(void);
bool scene_poor_vm(
    void); /* E_CASE is a VM with a large page at E_MAPPED, and no frame to split it */
void scene_poor_vm_close(void);
bool scene_share(void); /* E_CASE is a CPU capability without a share */
void scene_share_close(void);
bool scene_line_bound(void);    /* the line of E_IRQ is bound */
bool scene_vectors_bound(void); /* all of CPU 0 */
void scene_bound_close(void);
bool scene_pools(void); /* E_CHAIN + 14 is the sixteenth of pools in each other */
void scene_pools_close(void);
