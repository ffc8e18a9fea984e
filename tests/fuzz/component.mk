# Fuzz targets for the host: tests/fuzz/NAME.c and the product sources of its row, compiled by clang
# with libFuzzer, address and undefined-behaviour sanitizers into out/host/fuzz/NAME. They do not
# depend on COMPILER and BUILD.
#
#     $(eval $(call fuzz_target,NAME,PRODUCT SOURCES))

fuzz.cc    := clang
fuzz.flags := -std=gnu17 -g -O1 -DCAIRN_DEBUG=1 -fno-omit-frame-pointer \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -MMD -MP \
    -Iipc/abi -Iipc/protocol -Ibootstrap/root -Ibootstrap/loader

fuzz.programs :=

define fuzz_target
$(1).fuzz_objects := $$(patsubst %.c,out/host/fuzz/objects/$(1)/%.o,tests/fuzz/$(1).c $(2))
out/host/fuzz/$(1): $$($(1).fuzz_objects)
	$$(call say,LINK,$$@)
	$$(Q)$$(fuzz.cc) $$(fuzz.flags) -o $$@ $$^
out/host/fuzz/objects/$(1)/%.o: %.c tests/fuzz/component.mk
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(fuzz.cc) $$(fuzz.flags) $$(warnings) -c -o $$@ $$<
fuzz.programs += out/host/fuzz/$(1)
-include $$($(1).fuzz_objects:.o=.d)
endef

$(eval $(call fuzz_target,conf,$(addprefix bootstrap/root/,conf.c conf_value.c plan.c) \
    bootstrap/loader/format.c))
$(eval $(call fuzz_target,elf,$(addprefix bootstrap/loader/,elf.c format.c)))

.PHONY: fuzz
fuzz: $(fuzz.programs)
	@:
