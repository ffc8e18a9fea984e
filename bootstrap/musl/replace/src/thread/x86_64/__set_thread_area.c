/*
 * Replaces musl's __set_thread_area.s: the main thread's FS base, by the instruction for it. The
 * port finds a thread's record by the field `sysinfo`, which musl uses for nothing here; what
 * stands in __sysinfo becomes the main thread's.
 */
#include "libc.h"
#include "pthread_impl.h"

extern hidden size_t __sysinfo;
void *cairn_thread_main(void);

hidden int __set_thread_area(void *area)
{
    __sysinfo = (size_t)cairn_thread_main();
    __asm__ volatile("wrfsbase %0" : : "r"(area) : "memory");
    return 0;
}
