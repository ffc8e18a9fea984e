# vm-check, which checks VM files on the host. It does not depend on COMPILER and BUILD.

vm-check.sources := $(wildcard vmm-server/config/*.c vmm-server/config/host/*.c) \
    vmm-server/machine/text.c
vm-check.objects := $(patsubst %,out/host/vm-check/%.o,$(vm-check.sources))

out/host/vm-check/%.c.o: %.c vmm-server/config/component.mk
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)gcc -std=gnu17 -O2 -g $(warnings) -Ivmm-server/config -Ivmm-server/machine \
	    -MMD -MP -c -o $@ $<

out/host/bin/vm-check: $(vm-check.objects)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)gcc -o $@ $^

-include $(vm-check.objects:.o=.d)
build: out/host/bin/vm-check
