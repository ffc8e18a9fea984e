# Fuzz targets for the host: tests/fuzz/NAME.c and the product sources of its row, compiled by clang
# with libFuzzer, address and undefined-behaviour sanitizers into out/host/fuzz/NAME. They do not
# depend on COMPILER and BUILD.
#
#     $(eval $(call fuzz_target,NAME,PRODUCT SOURCES,FLAGS BEFORE ALL OTHERS))

fuzz.cc    := clang
fuzz.flags := -std=gnu17 -g -O1 -DCAIRN_DEBUG=1 -fno-omit-frame-pointer \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -MMD -MP \
    -Iipc/abi -Iipc/protocol -Ibootstrap/root -Ibootstrap/loader \
    $(addprefix -Ivmm-server/,boot config devices emulate machine)

fuzz.programs :=

define fuzz_target
$(1).fuzz_objects := $$(patsubst %.c,out/host/fuzz/objects/$(1)/%.o,tests/fuzz/$(1).c $(2))
out/host/fuzz/$(1): $$($(1).fuzz_objects)
	$$(call say,LINK,$$@)
	$$(Q)$$(fuzz.cc) $$(fuzz.flags) -o $$@ $$^
out/host/fuzz/objects/$(1)/%.o: %.c tests/fuzz/component.mk
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(fuzz.cc) $(3) $$(fuzz.flags) $$(warnings) -c -o $$@ $$<
fuzz.programs += out/host/fuzz/$(1)
-include $$($(1).fuzz_objects:.o=.d)
endef

$(eval $(call fuzz_target,conf,$(addprefix bootstrap/root/,conf.c conf_value.c plan.c) \
    bootstrap/loader/format.c))
$(eval $(call fuzz_target,elf,$(addprefix bootstrap/loader/,elf.c format.c) \
    bootstrap/root/symbols.c))
$(eval $(call fuzz_target,vmm_legacy,$(addprefix vmm-server/,machine/bus.c machine/timers.c \
    $(addprefix devices/,uart.c rtc.c ps2.c acpi_pm.c reset.c debug_exit.c testdev.c))))
$(eval $(call fuzz_target,vmm_pci,$(addprefix vmm-server/,machine/bus.c machine/guest_memory.c \
    $(addprefix devices/,pci.c pci_msix.c virtio_pci.c virtqueue.c virtio_rng.c))))
$(eval $(call fuzz_target,vmm_interrupts,$(addprefix vmm-server/devices/,apics.c hpet.c ioapic.c \
    lapic.c lapic_msr.c lapic_registers.c lapic_timer.c pic.c pit.c) \
    $(addprefix vmm-server/machine/,bus.c timers.c),-Ivmm-server/machine -Ivmm-server/devices))
$(eval $(call fuzz_target,emulate,$(wildcard vmm-server/emulate/*.c) \
    $(addprefix vmm-server/machine/,bus.c guest_memory.c)))
fuzz.boot := $(addprefix vmm-server/,boot/load.c boot/state.c machine/guest_memory.c machine/text.c)
fuzz.boot.flags := -Ivmm-server/machine -Ivmm-server/boot
$(eval $(call fuzz_target,vmm_linux,vmm-server/boot/linux.c $(fuzz.boot),$(fuzz.boot.flags)))
$(eval $(call fuzz_target,vmm_pvh,$(addprefix vmm-server/boot/,pvh.c elf.c) $(fuzz.boot),\
    $(fuzz.boot.flags)))
$(eval $(call fuzz_target,vmm_multiboot,$(addprefix vmm-server/boot/,multiboot.c elf.c) \
    $(fuzz.boot),$(fuzz.boot.flags)))
$(eval $(call fuzz_target,vm_file,vmm-server/machine/text.c \
    $(addprefix vmm-server/config/,vm_config.c vm_keys.c vm_value.c),\
    -Ivmm-server/machine -Ivmm-server/config))

.PHONY: fuzz
fuzz: $(fuzz.programs)
	@:
