/*
 * System calls: SYSCALL with RAX = call number, arguments in RDI, RSI, RDX; RAX returns a status.
 * RCX and R11 are lost. Interface 0.1 has one call; README.md in this folder is the reference.
 */
#ifndef CAIRN_ABI_SYSCALL_H
#define CAIRN_ABI_SYSCALL_H

enum syscall_number {
    SYSCALL_POWER_OFF = 1,
};

enum status {
    STATUS_SUCCESS = 0,
    STATUS_BAD_CALL = 1,      /* no such call */
    STATUS_BAD_PARAMETER = 2, /* an argument is out of range or a reserved bit is set */
};

#endif
