/* The monitor of one guest: the order of its start. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/resources.h"
#include "images.h"
#include "ram.h"
#include "terminal.h"
#include "vcpu.h"

#define STATUS_FAILED 8

_Static_assert((uint32_t)MONITOR_FIRST >= CAIRN_SELECTORS_FREE, "the C library has those below");
_Static_assert((uint32_t)MONITOR_VCPUS + MONITOR_VCPUS_MAX * VCPU_SELECTORS <= PROCESS_OWN_END,
               "selectors of the program's own");

static struct vm vm;

static void line_say(const char *format, va_list arguments)
{
    char line[240];

    (void)vsnprintf(line, sizeof(line), format, arguments);
    (void)puts(line);
    (void)fflush(stdout);
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line_say(format, arguments);
    va_end(arguments);
}

void give_up(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line_say(format, arguments);
    va_end(arguments);
    exit(STATUS_FAILED);
}

static void semaphore_make(uint32_t selector)
{
    struct answer a;

    WITH_FUNDS(a, semaphore_create(selector, PROCESS_POOL, 0));
    if (a.status != STATUS_SUCCESS)
        give_up("no semaphore: status %u", a.status);
}

static void objects_make(void)
{
    const uint32_t semaphores[] = {MONITOR_LOCK, MONITOR_TERMINAL_LOCK, MONITOR_ROOM, MONITOR_END};
    struct answer a;

    for (unsigned i = 0; i < sizeof(semaphores) / sizeof(semaphores[0]); i++)
        semaphore_make(semaphores[i]);
    vm.lock = mutex_make(MONITOR_LOCK);
    WITH_FUNDS(a, vm_create(MONITOR_VM, PROCESS_POOL));
    if (a.status != STATUS_SUCCESS)
        give_up("no VM: status %u", a.status);
}

/* As wide as the host's, which CPUID tells the guest. */
static uint8_t physical_bits(void)
{
    uint32_t eax = 0x80000008u, ebx, ecx = 0, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (uint8_t)eax;
}

int main(void)
{
    if (ENVIRONMENT->guest.kind == GUEST_NONE)
        give_up("this machine has neither VMX nor SVM");
    images_config(&vm);
    vm.physical_bits = physical_bits();
    objects_make();
    ram_open(&vm);
    terminal_open(&vm);
    vcpu_open(&vm, 0);
    if (!platform_open(&vm.platform, &vm))
        give_up("two devices have the same addresses");
    vcpu_start(&vm.vcpu[0]);
    terminal_serve();
    vcpu_close(&vm.vcpu[0]);
    return (int)vm.status;
}
