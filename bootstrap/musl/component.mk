# Programs with a C library: musl (libc.mk), the port beneath it, and how a program is made of both:
#
#   NAME.sources     .c and .S files, paths from the project's root
#   NAME.includes    include folders, besides the headers of musl and bootstrap/musl/include
#   NAME.cflags      flags for all of its files
#
#   $(eval $(call server,NAME))
#
# makes bin/NAME, bin/NAME.debug and bin/NAME.map: a static program at 4 MiB.

include bootstrap/musl/libc.mk

# --- programs -------------------------------------------------------------------------------------
servers :=
list-servers:
	@printf '%s\n' $(servers)
.PHONY: list-servers

# Without the kernel's registers in mind: the runtime's system calls are inline, they push, and the
# kernel keeps no vector registers over some of them (ipc/runtime/system.h).
server.base := -nostdinc -isystem $(libc.include) -fno-pic -fno-pie -mno-red-zone -mfsgsbase \
    -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-strict-aliasing \
    -ffunction-sections -fdata-sections -fcf-protection=none -fno-common
server.cflags := $(common.cflags) $(server.base) $(module.frames)
server.ldscript := bootstrap/musl/server.ld

port.sources := $(sort $(wildcard bootstrap/musl/port/*.c bootstrap/musl/port/*.S)) \
    $(addprefix ipc/runtime/,funds.c mutex.c selectors.c session.c start.S thread.c)
port.includes := bootstrap/musl/include bootstrap/musl/port ipc/protocol ipc/abi ipc/runtime
port.cflags := -ffreestanding -fno-stack-protector -mgeneral-regs-only -I$(OUT)/obj/port/generated
port.makefile := bootstrap/musl/component.mk
# An archive, so that a program can have its own copy of a file of the runtime.
server.port := $(OUT)/obj/port/libport.a

$(eval $(call compile,port,$$(server.cflags)))
$(call objects,port): $(libc.headers) $(OUT)/obj/port/generated/calls.inc
$(server.port): $(call objects,port)
	$(Q)rm -f $@ && ar rcD $@ $^
tidy.server := -std=gnu17 -DCAIRN_DEBUG=1 $(server.base)
tidy.commands += $(foreach file,$(filter bootstrap/%.c,$(port.sources)),'$(file) $(tidy.server) \
    $(addprefix -I,$(port.includes)) $(port.cflags)')

# The table of Linux call numbers, for the dispatcher and for the test of it.
$(OUT)/obj/port/generated/calls.inc: bootstrap/musl/calls.list bootstrap/musl/calls.awk
	@mkdir -p $(@D)
	$(Q)awk -f bootstrap/musl/calls.awk $< >$@

define server
programs += $(1)
servers += $(1)
$(eval $(1).makefile := $(lastword $(MAKEFILE_LIST)))
$(eval $(1).includes += bootstrap/musl/include ipc/protocol ipc/abi ipc/runtime)
$(call compile,$(1),$$(server.cflags) -fstack-protector-strong)
$(call objects,$(1)): $(libc.headers)
tidy.commands += $(foreach file,$(filter %.c,$($(1).sources)),'$(file) $$(tidy.server) \
    $(addprefix -I,$($(1).includes)) $($(1).cflags)')

$(OUT)/obj/$(1).list: always
	@mkdir -p $$(@D)
	@echo $(call objects,$(1)) | cmp -s - $$@ || echo $(call objects,$(1)) >$$@

$(OUT)/bin/$(1).debug: $(call objects,$(1)) $(server.port) $(libc.folder)/libc.a \
    $(libc.folder)/crt1.o $(server.ldscript) $(OUT)/obj/$(1).list
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LD) $$(freestanding.ldflags) -z separate-code -z norelro -T $(server.ldscript) \
	    -Map=$(OUT)/bin/$(1).map -o $$@ $(libc.folder)/crt1.o $(call objects,$(1)) \
	    --start-group $(server.port) $(libc.folder)/libc.a $$$$($$(CC) -print-libgcc-file-name) \
	    --end-group

$(OUT)/bin/$(1): $(OUT)/bin/$(1).debug
	$$(Q)$$(OBJCOPY) $(module.strip) $$< $$@
endef
