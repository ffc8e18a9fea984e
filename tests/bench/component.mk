# The instruction counter and the profile (QEMU plugins), and the probe that checks the counter.
# Host programs: they do not depend on COMPILER and BUILD.

bench.plugin := $(addprefix tests/bench/plugin/,classify.c counter.c tally.c)
bench.objects := $(patsubst %,out/host/bench/%.o,$(bench.plugin))
profile.plugin := $(addprefix tests/bench/plugin/,classify.c profile.c)
profile.objects := $(patsubst %,out/host/bench/%.o,$(profile.plugin))
bench.cc := gcc
bench.flags := -std=gnu17 -O2 -g -fPIC -fvisibility=hidden -Itests/bench/system $(warnings)

out/host/bench/%.c.o: %.c tests/bench/component.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(bench.cc) $(bench.flags) -MMD -MP -c -o $@ $<

out/host/bench/counter.so: $(bench.objects)
	$(call say,LD,$@)
	$(Q)$(bench.cc) -shared -o $@ $^

out/host/bench/profile.so: $(profile.objects)
	$(call say,LD,$@)
	$(Q)$(bench.cc) -shared -o $@ $^

# An ELF32 image for qemu -kernel, with 64-bit code in it; see the source.
out/host/bench/probe: tests/bench/probe.S tests/bench/probe.ld tests/bench/component.mk
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(bench.cc) -c -o $@.o $<
	$(Q)$(LD) -m elf_x86_64 -static -T tests/bench/probe.ld -o $@.debug $@.o
	$(Q)$(OBJCOPY) -O elf32-i386 $@.debug $@

.PHONY: bench-tools
bench-tools: out/host/bench/counter.so out/host/bench/profile.so out/host/bench/probe
	@:

-include $(bench.objects:.o=.d) $(profile.objects:.o=.d)

# The bench program: a first program whose paths are counted (paths.py).
bench.sources := $(wildcard tests/bench/system/*.c tests/bench/system/*.S ipc/runtime/*.c \
    ipc/runtime/*.S) tests/system/options.c \
    tests/system/print.c
bench.includes := ipc/abi ipc/protocol ipc/runtime tests/bench/system tests/system
bench.ldscript := tests/system/first.ld
$(eval $(call program,bench))

# Two programs that root starts: they are measured talking to each other (services.py).
bench.client.sources := tests/bench/programs/client.c ipc/runtime/session.c
bench.client.includes := tests/bench/programs tests/bench/system
$(eval $(call server,bench.client))
bench.server.sources := tests/bench/programs/server.c ipc/runtime/service.c
bench.server.includes := tests/bench/programs tests/bench/system
$(eval $(call server,bench.server))
bench.weigh.sources := tests/bench/programs/weigh.c
bench.weigh.includes := bootstrap/musl/port
$(eval $(call server,bench.weigh))
