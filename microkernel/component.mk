kernel.sources := $(filter-out microkernel/offsets.c,$(wildcard microkernel/*.c microkernel/*.S))
# What runs at boot, when the run ends, or on no path whose instructions anybody counts; and
# straight-line code, which is as fast so.
kernel.small := $(addprefix microkernel/,boot.c descriptors.c first.c main.c \
    stop.c svm.c svm_exit.c svm_intercept.c svm_state.c trace.c vcpu_control.c vm.c vmx.c \
    vmx_exit.c)
# Padding between blocks is NOPs that run.
kernel.gcc.cflags := -fno-align-jumps -fno-align-loops -mpreferred-stack-boundary=3
kernel.includes := ipc/abi microkernel
kernel.cflags := -mcmodel=kernel -mgeneral-regs-only -mfsgsbase -mxsave $(kernel.$(COMPILER).cflags)
kernel.ldscript := microkernel/kernel.ld
$(eval $(call program,kernel))

# What assembly has to know of C.
kernel.offsets := $(OUT)/obj/kernel/offsets.h
kernel.entries := $(patsubst %,$(OUT)/obj/kernel/microkernel/%.S.o,entry svm_entry vmx_entry)
$(kernel.entries): flags.own += -include $(kernel.offsets)
$(kernel.entries): $(kernel.offsets)
$(kernel.offsets): microkernel/offsets.c $(flag_files) microkernel/component.mk
	$(call say,OFFSETS,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(freestanding.cflags) $(addprefix -I,$(kernel.includes)) $(kernel.cflags) $(warnings) \
	    -MMD -MP -MT $@ -MF $@.d -S -o $@.s $<
	$(Q)sed -n 's/.*"OFFSET \([A-Za-z0-9_]*\) \(-*[0-9]*\)".*/.set \1, \2/p' $@.s >$@
-include $(kernel.offsets).d
tidy.commands += 'microkernel/offsets.c $(tidy.cflags) $(addprefix -I,$(kernel.includes)) \
    $(filter-out $(kernel.gcc.cflags),$(kernel.cflags))'
