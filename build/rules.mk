# How a component becomes a program. A component.mk sets NAME.* and calls one macro:
#
#   NAME.sources     .c and .S files, paths from the project's root
#   NAME.vendor      the same for fetched sources: compiled without our warnings
#   NAME.includes    include folders
#   NAME.cflags      flags for all of its files; NAME.vendor.cflags: for fetched sources only
#   NAME.small       those of its sources whose size matters and whose speed does not
#   NAME.ldscript    linker script
#   NAME.ldflags     linker flags
#   NAME.strip       what its stripped file lacks; --strip-all if not said
#   NAME.objcopy     more objcopy flags for the stripped file, for example -O elf32-i386
#
#   $(eval $(call program,NAME))
#
# makes bin/NAME and, with symbols, bin/NAME.debug and the linker's map bin/NAME.map.
#
# Every object depends on the files that hold its flags, so a changed flag rebuilds it.

ifeq ($(V),1)
say = @:
Q   :=
else
say = @printf '  %-7s %s\n' $(1) $(2)
Q   := @
endif

programs      :=
tidy.commands :=
# What clang-tidy is told of a freestanding file, besides what its component says for any compiler.
tidy.cflags   := -std=gnu17 -ffreestanding -mgeneral-regs-only -DCAIRN_DEBUG=1
flag_files    := Makefile build/toolchain.mk build/rules.mk

objects = $(patsubst %,$(OUT)/obj/$(1)/%.o,$($(1).sources) $($(1).vendor))

# compile(NAME, base flags, our warnings): rules for the objects of NAME
define compile
$(patsubst %,$(OUT)/obj/$(1)/%.o,$($(1).vendor)): flags.own := -w $($(1).vendor.cflags)
$(patsubst %,$(OUT)/obj/$(1)/%.o,$($(1).sources)): flags.own := $$(warnings)
$(patsubst %,$(OUT)/obj/$(1)/%.o,$($(1).small)): flags.own := $$(warnings) -Os

$(OUT)/obj/$(1)/%.o: % $(flag_files) $($(1).makefile)
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $(2) $(addprefix -I,$($(1).includes)) $($(1).cflags) $$(flags.own) \
	    -MMD -MP -c -o $$@ $$<

-include $(patsubst %,$(OUT)/obj/$(1)/%.d,$($(1).sources) $($(1).vendor))
endef

define program
programs += $(1)
$(eval $(1).makefile := $(lastword $(MAKEFILE_LIST)))
$(call compile,$(1),$$(freestanding.cflags))
tidy.commands += $(foreach file,$(filter %.c,$($(1).sources)),'$(file) $$(tidy.cflags) \
    $(addprefix -I,$($(1).includes)) $(filter-out $($(1).gcc.cflags),$($(1).cflags))')

# The list of objects, changed only when it differs: a source that goes away relinks too.
$(OUT)/obj/$(1).list: always
	@mkdir -p $$(@D)
	@echo $(call objects,$(1)) | cmp -s - $$@ || echo $(call objects,$(1)) >$$@

$(OUT)/bin/$(1).debug: $(call objects,$(1)) $($(1).ldscript) $(OUT)/obj/$(1).list
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LD) $$(freestanding.ldflags) $($(1).ldflags) $(addprefix -T ,$($(1).ldscript)) \
	    -Map=$(OUT)/bin/$(1).map \
	    -o $$@ $(call objects,$(1))

$(OUT)/bin/$(1): $(OUT)/bin/$(1).debug
	$$(Q)$$(OBJCOPY) $(or $($(1).strip),--strip-all) $($(1).objcopy) $$< $$@
endef

# A boot module packed as it is on the boot image: with content size and content checksum.
$(OUT)/bin/%.lz4: $(OUT)/bin/%
	$(call say,LZ4,$@)
	$(Q)lz4 -9 --content-size --quiet --force $< $@

# For build/checks and build/tcb.
list-programs:
	@printf '%s\n' $(programs)
list-commands:
	@printf '%s\n' $(tidy.commands)
.PHONY: list-programs list-commands always
