# Host unit tests. A test is tests/unit/NAME.c and the product sources of its row below, compiled
# for the host with address and undefined-behaviour sanitizers into out/host/unit/NAME.
#
#     $(eval $(call unit_test,NAME,PRODUCT SOURCES,EXTRA FLAGS))
#
# The folders of the sources are on the include path. A test without product sources has a row
# too: the row is what makes it a test, and tests/run fails if a .c file here has none.

unit.root ?= out/host
unit.cc ?= gcc
unit.instrument ?= -O1 -fsanitize=address,undefined -fno-sanitize-recover=all

unit.flags = -std=gnu17 -g -DCAIRN_DEBUG=1 -fno-omit-frame-pointer $(unit.instrument) -MMD -MP

# The lz4 sources are not ours: they are compiled without our warnings.
unit.flags_of = $(if $(filter out/%,$(1)),-w,$(warnings))

unit.programs :=
unit.sources  :=

define unit_test
$(1).unit_objects := $$(patsubst %.c,$(unit.root)/objects/$(1)/%.o,tests/unit/$(1).c $(2))
$(unit.root)/unit/$(1): $$($(1).unit_objects)
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	@$$(unit.cc) $$(unit.flags) -o $$@ $$^
$(unit.root)/objects/$(1)/%.o: %.c tests/unit/component.mk
	@mkdir -p $$(@D)
	@echo "  CC      $$@"
	@$$(unit.cc) $$(unit.flags) $$(call unit.flags_of,$$<) $(3) -Itests/unit -Iipc/abi \
	    $(addprefix -I,$(sort $(patsubst %/,%,$(dir $(2))))) -c -o $$@ $$<
unit.programs += $(unit.root)/unit/$(1)
unit.sources  += $(filter-out out/%,$(2))
-include $$($(1).unit_objects:.o=.d)
endef

# --- the table ------------------------------------------------------------------------------------
$(eval $(call unit_test,tap,))
$(eval $(call unit_test,system_boot_view,tests/system/boot_view.c))
$(eval $(call unit_test,system_glob,tests/system/glob.c))
$(eval $(call unit_test,system_options,tests/system/options.c))
$(eval $(call unit_test,bench_classify,tests/bench/plugin/classify.c))
$(eval $(call unit_test,kernel_boot,microkernel/boot.c,-DFRAME_BASE=0))
$(eval $(call unit_test,kernel_tree,microkernel/tree.c))
$(eval $(call unit_test,kernel_trie,,-iquote microkernel))
$(eval $(call unit_test,kernel_timers,microkernel/tree.c))
$(eval $(call unit_test,kernel_runqueue,,-iquote microkernel))
$(eval $(call unit_test,kernel_budget,,-iquote microkernel))
$(eval $(call unit_test,kernel_pool,microkernel/pool.c))
$(eval $(call unit_test,kernel_pool_walk,microkernel/pool.c))
$(eval $(call unit_test,kernel_table,\
    $(addprefix microkernel/,table.c derive.c pool.c)))
$(eval $(call unit_test,kernel_ec_state,,-iquote microkernel))
$(eval $(call unit_test,kernel_guest_state,,-iquote microkernel))
$(eval $(call unit_test,kernel_xsave_image,,-iquote microkernel))
$(eval $(call unit_test,kernel_derive,microkernel/derive.c))
$(eval $(call unit_test,kernel_derive_walk,microkernel/derive.c))
memory.sources := $(addprefix microkernel/,shoot.c space.c mapping.c mem.c derive.c pool.c tree.c)
memory.flags   := -DFRAME_BASE=0 -DSHOOT_MODEL
$(eval $(call unit_test,kernel_space,$(memory.sources),$(memory.flags)))
$(eval $(call unit_test,kernel_mem,$(memory.sources),$(memory.flags)))
$(eval $(call unit_test,kernel_mem_parts,$(memory.sources),$(memory.flags)))
$(eval $(call unit_test,kernel_tlb,$(memory.sources),$(memory.flags)))
$(eval $(call unit_test,kernel_guest_space,$(memory.sources),$(memory.flags)))
$(eval $(call unit_test,kernel_tag,$(memory.sources) microkernel/guest_tag.c,$(memory.flags)))
$(eval $(call unit_test,kernel_ranges,$(memory.sources),$(memory.flags)))
$(eval $(call unit_test,kernel_lock,,-iquote microkernel -pthread))
$(eval $(call unit_test,loader_ranges,bootstrap/loader/ranges.c))
$(eval $(call unit_test,loader_kernel_space,\
    $(addprefix bootstrap/loader/,kernel_space.c descriptors.c)))
$(eval $(call unit_test,loader_descriptors,bootstrap/loader/descriptors.c))
$(eval $(call unit_test,loader_tsc,bootstrap/loader/tsc.c,-pthread))
$(eval $(call unit_test,loader_elf,bootstrap/loader/elf.c bootstrap/loader/format.c))
$(eval $(call unit_test,loader_text,bootstrap/loader/format.c bootstrap/loader/names.c))
$(eval $(call unit_test,loader_multiboot,bootstrap/loader/multiboot.c))
$(eval $(call unit_test,loader_unpack,bootstrap/loader/unpack.c \
    $(addprefix $(lz4.dir)/lib/,lz4.c lz4frame.c lz4hc.c xxhash.c)))
$(eval $(call unit_test,loader_info,bootstrap/loader/info.c bootstrap/loader/ranges.c))
$(eval $(call unit_test,loader_acpi,\
    $(addprefix bootstrap/loader/,acpi.c acpi_describe.c s5.c)))
$(eval $(call unit_test,loader_clock,bootstrap/loader/clock.c))
$(eval $(call unit_test,loader_cpu_check,bootstrap/loader/cpu_check.c))
$(eval $(call unit_test,loader_guest,\
    $(addprefix bootstrap/loader/,guest.c guest_vmx.c guest_svm.c)))
$(eval $(call unit_test,loader_pci,bootstrap/loader/pci_stop.c))
$(eval $(call unit_test,loader_s5,bootstrap/loader/s5.c))
root.pure := $(addprefix bootstrap/root/,conf.c conf_value.c) bootstrap/loader/format.c
$(eval $(call unit_test,root_conf,$(root.pure),-Iipc/protocol))
$(eval $(call unit_test,root_plan,$(root.pure) bootstrap/root/plan.c,-Iipc/protocol))
$(eval $(call unit_test,root_start,\
    $(addprefix bootstrap/root/,environment_make.c stack.c),-Iipc/protocol))
$(eval $(call unit_test,root_symbols,bootstrap/root/symbols.c))
$(eval $(call unit_test,root_frames,bootstrap/root/frames.c))
$(eval $(call unit_test,root_told,,-iquote bootstrap/root -pthread))
$(eval $(call unit_test,root_text,bootstrap/root/text.c,-pthread))
$(eval $(call unit_test,root_pieces,bootstrap/root/pieces.c))
$(eval $(call unit_test,musl_pages,$(addprefix bootstrap/musl/port/,frames.c pages.c)))
$(eval $(call unit_test,musl_waiting,bootstrap/musl/port/waiting.c))
$(eval $(call unit_test,musl_ticks,,-iquote bootstrap/musl/port))
sessions.sources := $(addprefix ipc/runtime/,session.c service.c) bootstrap/root/environment_make.c
sessions.flags   := -Iipc/protocol -include tests/unit/fake_system.h
$(eval $(call unit_test,runtime_session,$(sessions.sources),$(sessions.flags)))
$(eval $(call unit_test,runtime_service,$(sessions.sources),$(sessions.flags)))
$(eval $(call unit_test,console_screen,device-servers/console/screen.c))
$(eval $(call unit_test,log_records,device-servers/log/records.c,-Iipc/protocol))
$(eval $(call unit_test,log_query,device-servers/log/query.c,-Iipc/protocol))
$(eval $(call unit_test,clock_rtc,device-servers/clock/rtc.c))
# the VMM: machine
vmm.flags := -Ivmm-server/machine -Ivmm-server/devices
$(eval $(call unit_test,vmm_machine,$(addprefix vmm-server/machine/,bus.c timers.c guest_memory.c)))
# the VMM: interrupt controllers and timers
vmm.machine := $(addprefix vmm-server/machine/,bus.c timers.c)
vmm.lapic   := $(addprefix vmm-server/devices/,apics.c lapic.c lapic_registers.c lapic_msr.c \
    lapic_timer.c)
$(eval $(call unit_test,vmm_lapic,$(vmm.lapic) $(vmm.machine),$(vmm.flags)))
$(eval $(call unit_test,vmm_apics,$(vmm.lapic) $(vmm.machine),$(vmm.flags)))
$(eval $(call unit_test,vmm_lapic_timer,$(vmm.lapic) $(vmm.machine),$(vmm.flags)))
$(eval $(call unit_test,vmm_ioapic,$(addprefix vmm-server/devices/,ioapic.c pic.c) \
    $(vmm.lapic) $(vmm.machine),$(vmm.flags)))
$(eval $(call unit_test,vmm_pic,vmm-server/devices/pic.c $(vmm.machine),$(vmm.flags)))
$(eval $(call unit_test,vmm_pit,vmm-server/devices/pit.c $(vmm.machine),$(vmm.flags)))
$(eval $(call unit_test,vmm_hpet,vmm-server/devices/hpet.c $(vmm.machine),$(vmm.flags)))
# the VMM: other legacy devices
vmm.timed := $(addprefix vmm-server/machine/,bus.c timers.c)
$(foreach device,uart rtc ps2 acpi_pm testdev,$(eval $(call unit_test,vmm_$(device),\
    $(vmm.timed) vmm-server/devices/$(device).c,$(vmm.flags))))
$(eval $(call unit_test,vmm_reset,\
    $(vmm.timed) $(addprefix vmm-server/devices/,reset.c debug_exit.c),$(vmm.flags)))
# the VMM: PCI, virtio, ACPI
$(eval $(call unit_test,vmm_acpi_tables,vmm-server/machine/guest_memory.c \
    $(addprefix vmm-server/boot/,acpi_tables.c dsdt.c),$(vmm.flags)))
vmm.pci := $(addprefix vmm-server/,devices/pci.c devices/pci_msix.c machine/bus.c)
vmm.virtio := $(vmm.pci) $(addprefix vmm-server/,machine/guest_memory.c \
    $(addprefix devices/,virtio_pci.c virtqueue.c virtio_rng.c))
$(eval $(call unit_test,vmm_pci,$(vmm.pci),$(vmm.flags)))
$(eval $(call unit_test,vmm_pci_msix,$(vmm.pci),$(vmm.flags)))
$(eval $(call unit_test,vmm_cpuid,vmm-server/monitor/cpuid.c))
$(eval $(call unit_test,vmm_msr,vmm-server/monitor/msr.c))
$(eval $(call unit_test,vmm_virtio,$(vmm.virtio),$(vmm.flags)))
$(eval $(call unit_test,vmm_virtio_rng,$(vmm.virtio),$(vmm.flags)))
$(eval $(call unit_test,vmm_virtqueue,\
    $(addprefix vmm-server/,devices/virtqueue.c machine/guest_memory.c),$(vmm.flags)))
# the VMM: emulate
emulate.sources := $(wildcard vmm-server/emulate/*.c) \
    $(addprefix vmm-server/machine/,bus.c guest_memory.c)
$(eval $(call unit_test,vmm_emulate,$(emulate.sources),$(vmm.flags)))
$(eval $(call unit_test,vmm_emulate_system,$(emulate.sources),$(vmm.flags)))
$(eval $(call unit_test,vmm_walk,\
    vmm-server/emulate/walk.c vmm-server/machine/guest_memory.c,$(vmm.flags)))
$(eval $(call unit_test,vmm_emulate_locked,$(emulate.sources),$(vmm.flags) -pthread))
$(eval $(call unit_test,vmm_emulate_native,$(emulate.sources),$(vmm.flags) -O2))
# the VMM: boot, config
boot.pure := $(addprefix vmm-server/boot/,load.c state.c) \
    $(addprefix vmm-server/machine/,guest_memory.c text.c)
$(eval $(call unit_test,vmm_boot_linux,vmm-server/boot/linux.c $(boot.pure)))
$(eval $(call unit_test,vmm_boot_pvh,$(addprefix vmm-server/boot/,pvh.c elf.c) $(boot.pure)))
$(eval $(call unit_test,vmm_boot_multiboot,\
    $(addprefix vmm-server/boot/,multiboot.c elf.c) $(boot.pure)))
$(eval $(call unit_test,vmm_config,vmm-server/machine/text.c \
    $(addprefix vmm-server/config/,vm_config.c vm_keys.c vm_value.c)))
# --- end of the table -----------------------------------------------------------------------------

.PHONY: unit
unit: $(unit.programs)

# Which programs there are, for tests/run and tests/coverage.
.PHONY: unit-list
unit-list:
	@printf '%s\n' $(unit.programs)

# What make coverage counts: every file that a test compiles, by folder. In the folders of the
# product a new file must be in the table above or be named here, as one that needs the machine
# (registers, ports, physical memory) and is tested by boots.
coverage.by_boots := \
    $(addprefix bootstrap/loader/,calibrate.c console.c cpus.c hardware.c ioapic.c lapic.c main.c \
        modules.c paging.c pci.c prepare.c string.c) \
    $(addprefix microkernel/,address_space.c create.c descriptors.c destroy.c ec.c \
        ec_control.c ending.c first.c grant.c guest.c interrupt.c \
        ioapic.c ipc.c lapic.c main.c memory.c ports.c quiesce.c range.c sc.c sched.c \
        semaphore.c stop.c string.c svm.c svm_exit.c svm_intercept.c svm_state.c \
        syscall.c tlb.c trace.c trap.c vcpu.c vcpu_control.c vectors.c vm.c vmx.c vmx_exit.c \
        vmx_state.c) \
    $(addprefix bootstrap/root/,authority.c command.c contexts.c handler.c held.c image.c \
        main.c memory.c \
        program.c resources.c say.c sessions.c supervise.c talk.c \
        trace.c watch.c) \
    $(addprefix bootstrap/musl/port/,asking.c clock.c dispatch.c ends.c files.c futex.c \
        handler.c identity.c memory.c output.c random.c resources.c root.c signals.c start.c \
        terminal.c thread.c wall.c) \
    $(addprefix ipc/runtime/,funds.c mutex.c selectors.c thread.c) \
    $(addprefix device-servers/,clock/main.c console/main.c console/uart.c log/desk.c log/main.c \
        random/main.c) \
    $(addprefix vmm-server/monitor/,control.c ends.c exits.c images.c instruction.c interrupts.c \
        kvm.c main.c platform.c ram.c registers.c state.c terminal.c vcpu.c wall_clock.c)
# offsets.c is in no program.
coverage.product := $(filter-out microkernel/offsets.c,\
    $(wildcard bootstrap/loader/*.c bootstrap/musl/port/*.c bootstrap/root/*.c \
        device-servers/*/*.c ipc/runtime/*.c microkernel/*.c \
        $(patsubst %,vmm-server/%/*.c,boot config devices emulate machine monitor)))

.PHONY: coverage-folders coverage-unlisted
coverage-folders:
	@printf '%s\n' $(sort $(patsubst %/,%,$(dir $(unit.sources))))
coverage-unlisted:
	@printf '%s\n' $(filter-out $(unit.sources) $(coverage.by_boots),$(coverage.product)) \
	    $(filter $(unit.sources),$(coverage.by_boots)) \
	    $(filter-out $(coverage.product),$(coverage.by_boots))
