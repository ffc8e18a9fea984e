/*
 * The cases of documented errors (errors.h): registers with which the call is refused for just that
 * reason. What is not named is zero; selector 0 is empty.
 */
#include "errors.h"
#include "uart.h"
#include "vcpu_state.h"

#define WEAK(type)      (E_WEAK + OBJECT_##type)
#define NEW(type)       (OBJECT_##type | E_NONE << 8) /* what CREATE makes, and where */
#define PAIR(low, high) ((low) | (uint64_t)(high) << 32)
#define TOO_LONG        ((MESSAGE_WORDS + 1) << MESSAGE_SHIFT)
#define TIME(ec)        PAIR(ec, SELECTOR_CPUS)
#define PAGES(n)        ((n)*PAGE)
#define CPU_NONE        BOOT_MAX_CPUS
#define RIGHT_UNKNOWN   (RIGHTS_ALL + 1)

const struct error_case error_cases[ERROR_ROWS] = {
    [ERROR_COUNT_ANY_BAD_CALL] = {.r = {.rdi = SELECTOR_PD}},

    [ERROR_CALL_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_NONE}},
    [ERROR_CALL_ANY_NO_RIGHT] = {.r = {.rdi = WEAK(PT)}},
    [ERROR_CALL_ANY_BAD_PARAMETER] = {.r = {.rax = TOO_LONG, .rdi = E_PT}},
    [ERROR_CALL_ANY_WRONG_CPU] = {.r = {.rdi = E_REMOTE_PT}, .two_cpus = true},
    [ERROR_CALL_ANY_DEPTH] = {.provoke = scene_chain},
    [ERROR_CALL_ANY_TIMEOUT] = {.r = {.rdi = E_PT, .r10 = 1}},
    [ERROR_CALL_ANY_ABORTED] = {.r = {.rdi = E_CASE},
                                .open = scene_handler_gone,
                                .close = scene_handler_close},

    [ERROR_REPLY_ANY_BAD_PARAMETER] = {.r = {.rax = TOO_LONG}},

    [ERROR_UP_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_NONE}},
    [ERROR_UP_ANY_NO_RIGHT] = {.r = {.rdi = WEAK(SM)}},

    [ERROR_DOWN_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_NONE}},
    [ERROR_DOWN_ANY_NO_RIGHT] = {.r = {.rdi = WEAK(SM), .rsi = DOWN_TRY}},
    [ERROR_DOWN_ANY_BAD_PARAMETER] = {.r = {.rdi = E_SM, .rsi = DOWN_TRY | 4}},
    [ERROR_DOWN_ANY_WOULD_BLOCK] = {.r = {.rdi = E_SM, .rsi = DOWN_TRY}},
    [ERROR_DOWN_ANY_TIMEOUT] = {.r = {.rdi = E_SM, .rdx = 1}},
    [ERROR_DOWN_ANY_ABORTED] = {.provoke = scene_down},

    [ERROR_CREATE_ANY_BAD_PARAMETER] = {.r = {.rdi = NEW(PLATFORM), .rsi = SELECTOR_POOL}},
    [ERROR_CREATE_ANY_BAD_SELECTOR] = {.r = {.rdi = OBJECT_SM | SELECTORS << 8,
                                             .rsi = SELECTOR_POOL}},
    [ERROR_CREATE_ANY_BAD_CAPABILITY] = {.r = {.rdi = NEW(SM), .rsi = E_SM}},
    [ERROR_CREATE_ANY_NO_RIGHT] = {.r = {.rdi = NEW(SM), .rsi = WEAK(POOL)}},
    [ERROR_CREATE_ANY_IN_USE] = {.r = {.rdi = OBJECT_SM | E_SM << 8, .rsi = SELECTOR_POOL}},
    [ERROR_CREATE_ANY_NEEDS_FRAMES] = {.provoke = scene_slot},
    [ERROR_CREATE_PD_NEEDS_FRAMES] = {.r = {.rdi = NEW(PD), .rsi = E_EMPTY_POOL}},
    [ERROR_CREATE_POOL_NEEDS_FRAMES] = {.r = {.rdi = NEW(POOL), .rsi = E_EMPTY_POOL}},
    [ERROR_CREATE_POOL_DEPTH] = {.r = {.rdi = NEW(POOL), .rsi = E_CHAIN + 14},
                                 .open = scene_pools,
                                 .close = scene_pools_close},
    [ERROR_CREATE_MEM_BAD_CAPABILITY] =
        {.r = {.rdi = NEW(MEM), .rsi = SELECTOR_POOL, .rdx = E_SM, .r9 = PAGE}},
    [ERROR_CREATE_MEM_NO_RIGHT] =
        {.r = {.rdi = NEW(MEM), .rsi = SELECTOR_POOL, .rdx = WEAK(MEM), .r9 = PAGE}},
    [ERROR_CREATE_MEM_BAD_PARAMETER] = {.r = {.rdi = NEW(MEM),
                                              .rsi = SELECTOR_POOL,
                                              .rdx = E_MEM,
                                              .r8 = PAGE,
                                              .r9 = PAGES(E_PAGES)}},
    [ERROR_CREATE_MEM_IN_USE] =
        {.r = {.rdi = NEW(MEM), .rsi = SELECTOR_POOL, .rdx = WORLD_MEMORY, .r9 = PAGE}},
    [ERROR_CREATE_MEM_NEEDS_FRAMES] =
        {.r = {.rdi = NEW(MEM), .rsi = E_EMPTY_POOL, .rdx = E_MEM, .r9 = PAGE}},
    [ERROR_CREATE_MEM_DEPTH] =
        {.r = {.rdi = NEW(MEM), .rsi = SELECTOR_POOL, .rdx = E_DEEP, .r9 = PAGE}, .deep = E_MEM},
    [ERROR_CREATE_EC_BAD_CAPABILITY] =
        {.r = {.rdi = NEW(EC), .rsi = SELECTOR_POOL, .rdx = E_SM, .r10 = E_ADDRESS}},
    [ERROR_CREATE_EC_NO_RIGHT] =
        {.r = {.rdi = NEW(EC), .rsi = SELECTOR_POOL, .rdx = WEAK(PD), .r10 = E_ADDRESS}},
    [ERROR_CREATE_EC_BAD_PARAMETER] = {.r = {.rdi = NEW(EC),
                                             .rsi = SELECTOR_POOL,
                                             .rdx = SELECTOR_PD,
                                             .r10 = E_ADDRESS + CPU_NONE}},
    [ERROR_CREATE_EC_IN_USE] = {.r = {.rdi = NEW(EC),
                                      .rsi = SELECTOR_POOL,
                                      .rdx = SELECTOR_PD,
                                      .r10 = FIRST_UTCB_ADDRESS}},
    [ERROR_CREATE_EC_NEEDS_FRAMES] =
        {.r = {.rdi = NEW(EC), .rsi = SELECTOR_POOL, .rdx = E_POOR_PD, .r10 = E_ADDRESS}},
    [ERROR_CREATE_SC_BAD_CAPABILITY] =
        {.r = {.rdi = NEW(SC), .rsi = SELECTOR_POOL, .rdx = TIME(E_SM), .r9 = 1, .r10 = 1}},
    [ERROR_CREATE_SC_NO_RIGHT] =
        {.r = {.rdi = NEW(SC), .rsi = SELECTOR_POOL, .rdx = TIME(WEAK(EC)), .r9 = 1, .r10 = 1}},
    [ERROR_CREATE_SC_BAD_PARAMETER] =
        {.r = {.rdi = NEW(SC), .rsi = SELECTOR_POOL, .rdx = TIME(E_EC), .r9 = 0, .r10 = 1}},
    [ERROR_CREATE_SC_WRONG_CPU] =
        {.r = {.rdi = NEW(SC), .rsi = SELECTOR_POOL, .rdx = TIME(E_REMOTE), .r9 = 1, .r10 = 1},
         .two_cpus = true},
    [ERROR_CREATE_SC_NEEDS_FRAMES] =
        {.r = {.rdi = NEW(SC), .rsi = E_EMPTY_POOL, .rdx = TIME(E_EC), .r9 = 1, .r10 = 1}},
    [ERROR_CREATE_SC_IN_USE] =
        {.r = {.rdi = NEW(SC), .rsi = SELECTOR_POOL, .rdx = PAIR(E_EC, E_CASE), .r9 = 1, .r10 = 2},
         .open = scene_share,
         .close = scene_share_close},
    [ERROR_CREATE_SC_DEPTH] =
        {.r = {.rdi = NEW(SC), .rsi = SELECTOR_POOL, .rdx = PAIR(E_EC, E_DEEP), .r9 = 1, .r10 = 2},
         .deep = SELECTOR_CPUS},
    [ERROR_CREATE_CPU_BAD_CAPABILITY] = {.r = {.rdi = NEW(CPU), .rsi = SELECTOR_POOL, .rdx = E_SM}},
    [ERROR_CREATE_CPU_NO_RIGHT] = {.r = {.rdi = NEW(CPU), .rsi = SELECTOR_POOL, .rdx = WEAK(CPU)}},
    [ERROR_CREATE_CPU_BAD_PARAMETER] =
        {.r = {.rdi = NEW(CPU), .rsi = SELECTOR_POOL, .rdx = SELECTOR_CPUS, .r8 = 128}},
    [ERROR_CREATE_CPU_IN_USE] =
        {.r = {.rdi = NEW(CPU), .rsi = SELECTOR_POOL, .rdx = E_CASE, .r9 = 1},
         .open = scene_share,
         .close = scene_share_close},
    [ERROR_CREATE_CPU_NEEDS_FRAMES] = {.r = {.rdi = NEW(CPU),
                                             .rsi = E_EMPTY_POOL,
                                             .rdx = SELECTOR_CPUS}},
    [ERROR_CREATE_CPU_DEPTH] = {.r = {.rdi = NEW(CPU), .rsi = SELECTOR_POOL, .rdx = E_DEEP},
                                .deep = SELECTOR_CPUS},
    [ERROR_CREATE_RANGE_DEPTH] =
        {.r = {.rdi = NEW(PORTS), .rsi = SELECTOR_POOL, .rdx = E_DEEP, .r9 = 1}, .deep = E_PORTS},
    [ERROR_CREATE_PT_BAD_CAPABILITY] = {.r = {.rdi = NEW(PT), .rsi = SELECTOR_POOL, .rdx = E_SM}},
    [ERROR_CREATE_PT_NO_RIGHT] = {.r = {.rdi = NEW(PT), .rsi = SELECTOR_POOL, .rdx = WEAK(EC)}},
    [ERROR_CREATE_PT_NEEDS_FRAMES] = {.r = {.rdi = NEW(PT), .rsi = E_EMPTY_POOL, .rdx = E_EC}},
    [ERROR_CREATE_SM_NEEDS_FRAMES] = {.r = {.rdi = NEW(SM), .rsi = E_EMPTY_POOL}},
    [ERROR_CREATE_RANGE_BAD_CAPABILITY] =
        {.r = {.rdi = NEW(PORTS), .rsi = SELECTOR_POOL, .rdx = SELECTOR_IRQ, .r9 = 1}},
    [ERROR_CREATE_RANGE_NO_RIGHT] =
        {.r = {.rdi = NEW(IRQ), .rsi = SELECTOR_POOL, .rdx = WEAK(IRQ), .r9 = 1}},
    [ERROR_CREATE_RANGE_BAD_PARAMETER] =
        {.r = {.rdi = NEW(PCI), .rsi = SELECTOR_POOL, .rdx = E_PCI, .r8 = 1, .r9 = 1}},
    [ERROR_CREATE_RANGE_NEEDS_FRAMES] =
        {.r = {.rdi = NEW(PORTS), .rsi = E_EMPTY_POOL, .rdx = E_PORTS, .r9 = 1}},

    [ERROR_DELEGATE_ANY_BAD_CAPABILITY] =
        {.r = {.rdi = SELECTOR_PD, .rsi = E_NONE, .rdx = E_NONE, .r8 = RIGHTS_ALL}},
    [ERROR_DELEGATE_ANY_NO_RIGHT] =
        {.r = {.rdi = WEAK(PD), .rsi = E_NONE, .rdx = E_SM, .r8 = RIGHTS_ALL}},
    [ERROR_DELEGATE_ANY_BAD_PARAMETER] =
        {.r = {.rdi = SELECTOR_PD, .rsi = E_NONE, .rdx = E_SM, .r8 = RIGHT_UNKNOWN}},
    [ERROR_DELEGATE_ANY_BAD_SELECTOR] =
        {.r = {.rdi = SELECTOR_PD, .rsi = SELECTORS, .rdx = E_SM, .r8 = RIGHTS_ALL}},
    [ERROR_DELEGATE_ANY_IN_USE] =
        {.r = {.rdi = SELECTOR_PD, .rsi = E_EC, .rdx = E_SM, .r8 = RIGHTS_ALL}},
    [ERROR_DELEGATE_ANY_NEEDS_FRAMES] =
        {.r = {.rdi = E_POOR_PD, .rsi = E_NONE, .rdx = E_SM, .r8 = RIGHTS_ALL}},
    [ERROR_DELEGATE_ANY_DEPTH] =
        {.r = {.rdi = SELECTOR_PD, .rsi = E_NONE, .rdx = E_DEEP, .r8 = RIGHTS_ALL}, .deep = E_SM},

    [ERROR_REVOKE_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_NONE}},
    [ERROR_REVOKE_ANY_BAD_PARAMETER] = {.r = {.rdi = E_SM, .rsi = REVOKE_SELF | 2}},

    [ERROR_DESTROY_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_NONE}},
    [ERROR_DESTROY_ANY_NO_RIGHT] = {.r = {.rdi = WEAK(SM)}},
    [ERROR_DESTROY_ANY_IN_USE] = {.r = {.rdi = SELECTOR_POOL}},

    [ERROR_LOOKUP_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_NONE}},

    [ERROR_MAP_ANY_BAD_CAPABILITY] =
        {.r = {.rdi = PAIR(E_SM, SELECTOR_PD), .rsi = E_ADDRESS, .r8 = 1, .r9 = MEM_RIGHT_READ}},
    [ERROR_MAP_ANY_NO_RIGHT] = {.r = {.rdi = PAIR(WEAK(MEM), SELECTOR_PD),
                                      .rsi = E_ADDRESS,
                                      .r8 = 1,
                                      .r9 = MEM_RIGHT_READ}},
    [ERROR_MAP_ANY_BAD_PARAMETER] = {.r = {.rdi = PAIR(E_MEM, SELECTOR_PD),
                                           .rsi = E_ADDRESS,
                                           .r8 = E_PAGES + 1,
                                           .r9 = MEM_RIGHT_READ}},
    [ERROR_MAP_ANY_IN_USE] =
        {.r = {.rdi = PAIR(E_MEM, E_SPLIT_PD), .rsi = E_MAPPED, .r8 = 1, .r9 = MEM_RIGHT_READ}},
    [ERROR_MAP_ANY_NEEDS_FRAMES] =
        {.r = {.rdi = PAIR(E_MEM, E_POOR_PD), .rsi = E_ADDRESS, .r8 = 1, .r9 = MEM_RIGHT_READ}},
    [ERROR_MAP_ANY_DEPTH] =
        {.r = {.rdi = PAIR(E_DEEP, SELECTOR_PD), .rsi = E_ADDRESS, .r8 = 1, .r9 = MEM_RIGHT_READ},
         .deep = E_MEM},

    [ERROR_UNMAP_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_SM, .rsi = E_MAPPED}},
    [ERROR_UNMAP_ANY_NO_RIGHT] = {.r = {.rdi = WEAK(PD), .rsi = E_MAPPED}},
    [ERROR_UNMAP_ANY_BAD_PARAMETER] = {.r = {.rdi = E_SPLIT_PD, .rsi = E_MAPPED + PAGE}},

    [ERROR_DEPOSIT_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_EMPTY_POOL, .rsi = E_SM}},
    [ERROR_DEPOSIT_ANY_NO_RIGHT] = {.r = {.rdi = E_EMPTY_POOL, .rsi = WEAK(MEM)}},
    [ERROR_DEPOSIT_ANY_BAD_PARAMETER] = {.r = {.rdi = E_EMPTY_POOL, .rsi = E_PAID}},
    [ERROR_DEPOSIT_ANY_IN_USE] = {.r = {.rdi = E_EMPTY_POOL, .rsi = E_FUNDED_PART}},
    [ERROR_DEPOSIT_ANY_BUSY] = {.provoke = scene_deposit},

    [ERROR_WITHDRAW_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_POOR, .rsi = E_NONE}},
    [ERROR_WITHDRAW_ANY_NO_RIGHT] = {.r = {.rdi = WEAK(POOL), .rsi = E_FUNDED_PART}},
    [ERROR_WITHDRAW_ANY_BAD_PARAMETER] = {.r = {.rdi = E_POOR, .rsi = E_FUNDED_PART}},
    [ERROR_WITHDRAW_ANY_BUSY] = {.r = {.rdi = E_POOR, .rsi = E_POOR_PART}},

    [ERROR_CONTROL_ANY_BAD_CAPABILITY] = {.r = {.rdi = E_PT}},
    [ERROR_CONTROL_ANY_BAD_PARAMETER] = {.r = {.rdi = E_EC, .rsi = EC_SET + 1}},
    [ERROR_CONTROL_PD_SPLIT_NO_RIGHT] = {.r = {.rdi = WEAK(PD), .rsi = PD_SPLIT}},
    [ERROR_CONTROL_PD_SPLIT_BAD_PARAMETER] = {.r = {.rdi = SELECTOR_PD,
                                                    .rsi = PD_SPLIT,
                                                    .rdx = FIRST_UTCB_ADDRESS}},
    [ERROR_CONTROL_PD_SPLIT_NEEDS_FRAMES] = {.r = {.rdi = E_SPLIT_PD,
                                                   .rsi = PD_SPLIT,
                                                   .rdx = E_MAPPED}},
    [ERROR_CONTROL_EC_EVENTS_NO_RIGHT] = {.r = {.rdi = WEAK(EC), .rsi = EC_EVENTS}},
    [ERROR_CONTROL_EC_EVENTS_BAD_PARAMETER] = {.r = {.rdi = E_EC,
                                                     .rsi = EC_EVENTS,
                                                     .rdx = SELECTORS - VECTOR_RECALL}},
    [ERROR_CONTROL_EC_SUPERVISOR_NO_RIGHT] = {.r = {.rdi = E_EC,
                                                    .rsi = EC_SUPERVISOR,
                                                    .rdx = WEAK(SM)}},
    [ERROR_CONTROL_EC_SUPERVISOR_BAD_CAPABILITY] = {.r = {.rdi = E_EC,
                                                          .rsi = EC_SUPERVISOR,
                                                          .rdx = E_PT}},
    [ERROR_CONTROL_EC_SUPERVISOR_IN_USE] = {.r = {.rdi = E_EC, .rsi = EC_SUPERVISOR, .rdx = E_SM},
                                            .open = scene_supervised,
                                            .close = scene_supervised_close},
    [ERROR_CONTROL_EC_SUPERVISOR_DEPTH] = {.r = {.rdi = E_EC, .rsi = EC_SUPERVISOR, .rdx = E_DEEP},
                                           .deep = E_SM},
    [ERROR_CONTROL_EC_RECALL_NO_RIGHT] = {.r = {.rdi = WEAK(EC), .rsi = EC_RECALL}},
    [ERROR_CONTROL_EC_RECALL_BAD_PARAMETER] = {.r = {.rdi = E_EC, .rsi = EC_RECALL, .rdx = 1}},
    [ERROR_CONTROL_EC_RECALL_WRONG_CPU] = {.r = {.rdi = E_REMOTE, .rsi = EC_RECALL},
                                           .two_cpus = true},
    [ERROR_CONTROL_EC_RESUME_NO_RIGHT] = {.r = {.rdi = WEAK(EC), .rsi = EC_RESUME}},
    [ERROR_CONTROL_EC_RESUME_BAD_PARAMETER] = {.r = {.rdi = E_EC, .rsi = EC_RESUME, .rdx = 1}},
    [ERROR_CONTROL_EC_RESUME_WRONG_CPU] = {.r = {.rdi = E_REMOTE, .rsi = EC_RESUME},
                                           .two_cpus = true},
    [ERROR_CONTROL_EC_RESUME_BUSY] = {.r = {.rdi = E_EC, .rsi = EC_RESUME}},
    [ERROR_CONTROL_EC_READ_NO_RIGHT] = {.r = {.rdi = WEAK(EC), .rsi = EC_READ}},
    [ERROR_CONTROL_EC_READ_BAD_PARAMETER] = {.r = {.rdi = E_EC, .rsi = EC_READ, .rdx = 1}},
    [ERROR_CONTROL_EC_READ_WRONG_CPU] = {.r = {.rdi = E_REMOTE, .rsi = EC_READ}, .two_cpus = true},
    [ERROR_CONTROL_EC_READ_BUSY] = {.r = {.rdi = SELECTOR_EC, .rsi = EC_READ}},
    [ERROR_CONTROL_EC_SET_NO_RIGHT] = {.r = {.rdi = WEAK(EC), .rsi = EC_SET}},
    [ERROR_CONTROL_EC_SET_BAD_PARAMETER] = {.r = {.rdi = E_EC, .rsi = EC_SET, .rdx = 1}},
    [ERROR_CONTROL_EC_SET_WRONG_CPU] = {.r = {.rdi = E_REMOTE, .rsi = EC_SET}, .two_cpus = true},
    [ERROR_CONTROL_EC_SET_BUSY] = {.r = {.rdi = SELECTOR_EC, .rsi = EC_SET}},
    [ERROR_CONTROL_SC_TIME_NO_RIGHT] = {.r = {.rdi = WEAK(SC), .rsi = SC_TIME}},
    [ERROR_CONTROL_PLATFORM_TRACE_NO_RIGHT] = {.r = {.rdi = WEAK(PLATFORM), .rsi = PLATFORM_TRACE}},
    [ERROR_CONTROL_PLATFORM_TRACE_BAD_PARAMETER] = {.r = {.rdi = SELECTOR_PLATFORM,
                                                          .rsi = PLATFORM_TRACE,
                                                          .rdx = 2}},
    [ERROR_CONTROL_PLATFORM_POWER_OFF_NO_RIGHT] = {.r = {.rdi = WEAK(PLATFORM),
                                                         .rsi = PLATFORM_POWER_OFF,
                                                         .rdx = 1}},
    [ERROR_CONTROL_PLATFORM_POWER_OFF_BAD_PARAMETER] = {.r = {.rdi = SELECTOR_PLATFORM,
                                                              .rsi = PLATFORM_POWER_OFF,
                                                              .rdx = 256}},
    [ERROR_CONTROL_PORTS_OPEN_BAD_CAPABILITY] =
        {.r = {.rdi = E_PORTS, .rsi = PORTS_OPEN, .rdx = E_SM, .r9 = 1}},
    [ERROR_CONTROL_PORTS_OPEN_NO_RIGHT] =
        {.r = {.rdi = WEAK(PORTS), .rsi = PORTS_OPEN, .rdx = SELECTOR_PD, .r9 = 1}},
    [ERROR_CONTROL_PORTS_OPEN_BAD_PARAMETER] =
        {.r = {.rdi = E_PORTS, .rsi = PORTS_OPEN, .rdx = SELECTOR_PD, .r9 = 2}},
    [ERROR_CONTROL_PORTS_OPEN_IN_USE] = {.r = {.rdi = SELECTOR_PORTS,
                                               .rsi = PORTS_OPEN,
                                               .rdx = SELECTOR_PD,
                                               .r8 = UART_BASE,
                                               .r9 = 1}},
    [ERROR_CONTROL_PORTS_OPEN_NEEDS_FRAMES] =
        {.r = {.rdi = E_PORTS, .rsi = PORTS_OPEN, .rdx = E_POOR_PD, .r9 = 1}},
    [ERROR_CONTROL_PORTS_OPEN_DEPTH] =
        {.r = {.rdi = E_DEEP, .rsi = PORTS_OPEN, .rdx = SELECTOR_PD, .r9 = 1}, .deep = E_PORTS},
    [ERROR_CONTROL_PORTS_CLOSE_BAD_CAPABILITY] = {.r = {.rdi = E_PORTS,
                                                        .rsi = PORTS_CLOSE,
                                                        .rdx = E_SM}},
    [ERROR_CONTROL_PORTS_CLOSE_NO_RIGHT] = {.r = {.rdi = E_PORTS,
                                                  .rsi = PORTS_CLOSE,
                                                  .rdx = WEAK(PD)}},
    [ERROR_CONTROL_PORTS_CLOSE_BAD_PARAMETER] = {.r = {.rdi = E_PORTS,
                                                       .rsi = PORTS_CLOSE,
                                                       .rdx = SELECTOR_PD}},
    [ERROR_CONTROL_IRQ_BIND_BAD_CAPABILITY] = {.r = {.rdi = E_IRQ, .rsi = IRQ_BIND, .r8 = E_PT}},
    [ERROR_CONTROL_IRQ_BIND_NO_RIGHT] = {.r = {.rdi = E_IRQ, .rsi = IRQ_BIND, .r8 = WEAK(SM)}},
    [ERROR_CONTROL_IRQ_BIND_BAD_PARAMETER] =
        {.r = {.rdi = E_IRQ, .rsi = IRQ_BIND, .rdx = 1, .r8 = E_SM}},
    [ERROR_CONTROL_IRQ_BIND_IN_USE] = {.r = {.rdi = E_IRQ, .rsi = IRQ_BIND, .r8 = E_SM},
                                       .open = scene_line_bound,
                                       .close = scene_bound_close},
    [ERROR_CONTROL_IRQ_BIND_ABORTED] = {.provoke = scene_irq_bind},
    [ERROR_CONTROL_IRQ_BIND_DEPTH] = {.r = {.rdi = E_DEEP, .rsi = IRQ_BIND, .r8 = E_SM},
                                      .deep = E_IRQ},
    [ERROR_CONTROL_IRQ_UNBIND_NO_RIGHT] = {.r = {.rdi = WEAK(IRQ), .rsi = IRQ_UNBIND}},
    [ERROR_CONTROL_IRQ_UNBIND_BAD_PARAMETER] = {.r = {.rdi = E_IRQ, .rsi = IRQ_UNBIND}},
    [ERROR_CONTROL_IRQ_ACKNOWLEDGE_NO_RIGHT] = {.r = {.rdi = WEAK(IRQ), .rsi = IRQ_ACKNOWLEDGE}},
    [ERROR_CONTROL_IRQ_ACKNOWLEDGE_BAD_PARAMETER] = {.r = {.rdi = E_IRQ, .rsi = IRQ_ACKNOWLEDGE}},
    [ERROR_CONTROL_PCI_BIND_BAD_CAPABILITY] = {.r = {.rdi = E_PCI, .rsi = PCI_BIND, .r8 = E_PT}},
    [ERROR_CONTROL_PCI_BIND_NO_RIGHT] = {.r = {.rdi = WEAK(PCI), .rsi = PCI_BIND, .r8 = E_SM}},
    [ERROR_CONTROL_PCI_BIND_BAD_PARAMETER] =
        {.r = {.rdi = E_PCI, .rsi = PCI_BIND, .r8 = E_SM, .r9 = CPU_NONE}},
    [ERROR_CONTROL_PCI_BIND_IN_USE] = {.r = {.rdi = E_PCI, .rsi = PCI_BIND, .r8 = E_SM},
                                       .open = scene_vectors_bound,
                                       .close = scene_bound_close},
    [ERROR_CONTROL_PCI_BIND_ABORTED] = {.provoke = scene_pci_bind},
    [ERROR_CONTROL_PCI_BIND_DEPTH] = {.r = {.rdi = E_DEEP, .rsi = PCI_BIND, .r8 = E_SM},
                                      .deep = E_PCI},
    [ERROR_CONTROL_PCI_UNBIND_NO_RIGHT] = {.r = {.rdi = WEAK(PCI), .rsi = PCI_UNBIND}},
    [ERROR_CONTROL_PCI_UNBIND_BAD_PARAMETER] = {.r = {.rdi = E_PCI, .rsi = PCI_UNBIND}},
    [ERROR_CONTROL_PCI_ACKNOWLEDGE_NO_RIGHT] = {.r = {.rdi = WEAK(PCI), .rsi = PCI_ACKNOWLEDGE}},
    [ERROR_CONTROL_PCI_ACKNOWLEDGE_BAD_PARAMETER] = {.r = {.rdi = E_PCI, .rsi = PCI_ACKNOWLEDGE}},

    [ERROR_CREATE_VM_NEEDS_FRAMES] = {.r = {.rdi = NEW(VM), .rsi = E_EMPTY_POOL}, .guest = true},
    [ERROR_CONTROL_VM_SPLIT_NO_RIGHT] = {.r = {.rdi = WEAK(VM), .rsi = VM_SPLIT}, .guest = true},
    [ERROR_CONTROL_VM_SPLIT_BAD_PARAMETER] = {.r = {.rdi = E_VM, .rsi = VM_SPLIT}, .guest = true},
    [ERROR_CONTROL_VM_SPLIT_NEEDS_FRAMES] = {.r = {.rdi = E_CASE, .rsi = VM_SPLIT, .rdx = E_MAPPED},
                                             .guest = true,
                                             .open = scene_poor_vm,
                                             .close = scene_poor_vm_close},
    [ERROR_CONTROL_VM_DIRTY_NO_RIGHT] = {.r = {.rdi = WEAK(VM), .rsi = VM_DIRTY, .r8 = 1},
                                         .guest = true},
    [ERROR_CONTROL_VM_DIRTY_BAD_PARAMETER] =
        {.r = {.rdi = E_VM, .rsi = VM_DIRTY, .rdx = PAGE, .r8 = 512}, .guest = true},
    [ERROR_CONTROL_VM_PROTECT_NO_RIGHT] = {.r = {.rdi = WEAK(VM), .rsi = VM_PROTECT, .r8 = 1},
                                           .guest = true},
    [ERROR_CONTROL_VM_PROTECT_BAD_PARAMETER] =
        {.r = {.rdi = E_VM, .rsi = VM_PROTECT, .r8 = 1, .r9 = 2}, .guest = true},
    [ERROR_CREATE_VCPU_BAD_CAPABILITY] =
        {.r = {.rdi = NEW(VCPU), .rsi = SELECTOR_POOL, .rdx = E_SM}, .guest = true},
    [ERROR_CREATE_VCPU_NO_RIGHT] = {.r = {.rdi = NEW(VCPU), .rsi = SELECTOR_POOL, .rdx = WEAK(VM)},
                                    .guest = true},
    [ERROR_CREATE_VCPU_BAD_PARAMETER] =
        {.r = {.rdi = NEW(VCPU), .rsi = SELECTOR_POOL, .rdx = E_VM, .r8 = CPU_NONE}, .guest = true},
    [ERROR_CREATE_VCPU_NEEDS_FRAMES] = {.r = {.rdi = NEW(VCPU), .rsi = E_EMPTY_POOL, .rdx = E_VM},
                                        .guest = true},
    [ERROR_CONTROL_VCPU_BIND_BAD_CAPABILITY] = {.r = {.rdi = E_VCPU, .rsi = VCPU_BIND, .r8 = E_SM},
                                                .guest = true},
    [ERROR_CONTROL_VCPU_BIND_NO_RIGHT] = {.r = {.rdi = E_VCPU, .rsi = VCPU_BIND, .r8 = WEAK(PT)},
                                          .guest = true},
    [ERROR_CONTROL_VCPU_BIND_BAD_PARAMETER] =
        {.r = {.rdi = E_VCPU, .rsi = VCPU_BIND, .rdx = EXIT_COUNT, .r8 = E_PT}, .guest = true},
    [ERROR_CONTROL_VCPU_BIND_DEPTH] = {.r = {.rdi = E_VCPU, .rsi = VCPU_BIND, .r8 = E_DEEP},
                                       .guest = true,
                                       .deep = E_PT},
    [ERROR_CONTROL_VCPU_SUPERVISOR_BAD_CAPABILITY] =
        {.r = {.rdi = E_VCPU, .rsi = VCPU_SUPERVISOR, .rdx = E_PT}, .guest = true},
    [ERROR_CONTROL_VCPU_SUPERVISOR_NO_RIGHT] =
        {.r = {.rdi = E_VCPU, .rsi = VCPU_SUPERVISOR, .rdx = WEAK(SM)}, .guest = true},
    [ERROR_CONTROL_VCPU_SUPERVISOR_IN_USE] = {.r = {.rdi = E_VCPU,
                                                    .rsi = VCPU_SUPERVISOR,
                                                    .rdx = E_SM},
                                              .guest = true,
                                              .open = scene_vcpu_supervised,
                                              .close = scene_supervised_close},
    [ERROR_CONTROL_VCPU_SUPERVISOR_DEPTH] =
        {.r = {.rdi = E_VCPU, .rsi = VCPU_SUPERVISOR, .rdx = E_DEEP}, .guest = true, .deep = E_SM},
    [ERROR_CONTROL_VCPU_RECALL_NO_RIGHT] = {.r = {.rdi = WEAK(VCPU), .rsi = VCPU_RECALL},
                                            .guest = true},
    [ERROR_CONTROL_VCPU_RECALL_BAD_PARAMETER] = {.r = {.rdi = E_VCPU, .rsi = VCPU_RECALL, .rdx = 1},
                                                 .guest = true},
    [ERROR_CONTROL_VCPU_RESUME_NO_RIGHT] = {.r = {.rdi = WEAK(VCPU), .rsi = VCPU_RESUME},
                                            .guest = true},
    [ERROR_CONTROL_VCPU_RESUME_BAD_PARAMETER] = {.r = {.rdi = E_VCPU, .rsi = VCPU_RESUME, .rdx = 1},
                                                 .guest = true},
    [ERROR_CONTROL_VCPU_FREEZE_NO_RIGHT] = {.r = {.rdi = WEAK(VCPU), .rsi = VCPU_FREEZE},
                                            .guest = true},
    [ERROR_CONTROL_VCPU_FREEZE_BAD_PARAMETER] = {.r = {.rdi = E_VCPU, .rsi = VCPU_FREEZE, .rdx = 1},
                                                 .guest = true},
    [ERROR_CONTROL_VCPU_RESUME_BUSY] = {.r = {.rdi = E_VCPU, .rsi = VCPU_RESUME}, .guest = true},
    [ERROR_CONTROL_VCPU_READ_NO_RIGHT] = {.r = {.rdi = WEAK(VCPU), .rsi = VCPU_READ},
                                          .guest = true},
    [ERROR_CONTROL_VCPU_READ_BAD_PARAMETER] =
        {.r = {.rdi = E_VCPU, .rsi = VCPU_READ, .rdx = STATE_ALL + 1}, .guest = true},
    [ERROR_CONTROL_VCPU_READ_WRONG_CPU] = {.r = {.rdi = E_REMOTE_VCPU, .rsi = VCPU_READ},
                                           .guest = true,
                                           .two_cpus = true},
    [ERROR_CONTROL_VCPU_READ_BUSY] = {.r = {.rdi = E_CASE, .rsi = VCPU_READ},
                                      .guest = true,
                                      .open = scene_vcpu_ready,
                                      .close = scene_vcpu_close},
    [ERROR_CONTROL_VCPU_WRITE_NO_RIGHT] = {.r = {.rdi = WEAK(VCPU), .rsi = VCPU_WRITE},
                                           .guest = true},
    [ERROR_CONTROL_VCPU_WRITE_BAD_PARAMETER] =
        {.r = {.rdi = E_VCPU, .rsi = VCPU_WRITE, .rdx = STATE_ALL + 1}, .guest = true},
    [ERROR_CONTROL_VCPU_WRITE_WRONG_CPU] = {.r = {.rdi = E_REMOTE_VCPU, .rsi = VCPU_WRITE},
                                            .guest = true,
                                            .two_cpus = true},
    [ERROR_CONTROL_VCPU_WRITE_BUSY] = {.r = {.rdi = E_CASE, .rsi = VCPU_WRITE},
                                       .guest = true,
                                       .open = scene_vcpu_ready,
                                       .close = scene_vcpu_close},
    [ERROR_CONTROL_VCPU_PAGE_NO_RIGHT] = {.r = {.rdi = WEAK(VCPU), .rsi = VCPU_PAGE, .rdx = E_NONE},
                                          .guest = true},
    [ERROR_CONTROL_VCPU_PAGE_BAD_SELECTOR] =
        {.r = {.rdi = E_VCPU, .rsi = VCPU_PAGE, .rdx = SELECTORS}, .guest = true},
    [ERROR_CONTROL_VCPU_PAGE_IN_USE] = {.r = {.rdi = E_VCPU, .rsi = VCPU_PAGE, .rdx = E_SM},
                                        .guest = true},
    [ERROR_CONTROL_VCPU_PAGE_NEEDS_FRAMES] = {.provoke = scene_page, .guest = true},
};
