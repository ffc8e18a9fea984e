kernel.sources := $(wildcard microkernel/*.c microkernel/*.S)
kernel.includes := ipc/abi microkernel
kernel.cflags := -mcmodel=kernel -mgeneral-regs-only
kernel.ldscript := microkernel/kernel.ld
$(eval $(call program,kernel))
