# The program that owns everything at first: module `first` of the system's boot image.
root.sources := $(wildcard bootstrap/root/*.c bootstrap/root/*.S ipc/runtime/*.c ipc/runtime/*.S) \
    bootstrap/loader/elf.c bootstrap/loader/format.c bootstrap/loader/string.c
root.includes := bootstrap/root bootstrap/loader bootstrap/loader/shims ipc/abi ipc/protocol \
    ipc/runtime
root.ldscript := bootstrap/root/root.ld
$(eval $(call program,root))
