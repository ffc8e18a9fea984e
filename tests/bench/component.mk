# The instruction counter (a QEMU plugin) and the probe that checks it. Host programs: they do not
# depend on COMPILER and BUILD.

bench.plugin := $(addprefix tests/bench/plugin/,classify.c counter.c tally.c)
bench.objects := $(patsubst %,out/host/bench/%.o,$(bench.plugin))
bench.cc := gcc
bench.flags := -std=gnu17 -O2 -g -fPIC -fvisibility=hidden $(warnings)

out/host/bench/%.c.o: %.c tests/bench/component.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(bench.cc) $(bench.flags) -MMD -MP -c -o $@ $<

out/host/bench/counter.so: $(bench.objects)
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
bench-tools: out/host/bench/counter.so out/host/bench/probe
	@:

-include $(bench.objects:.o=.d)
