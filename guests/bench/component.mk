# The guest whose exits are counted (tests/bench/vm.py): an ELF32 image with 64-bit code in it. It
# does not depend on COMPILER and BUILD.
out/guests/bench/paths: guests/bench/paths.S guests/bench/paths.ld guests/bench/component.mk
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)gcc -c -o $@.o $<
	$(Q)$(LD) -m elf_x86_64 -static -T guests/bench/paths.ld -o $@.debug $@.o
	$(Q)$(OBJCOPY) -O elf32-i386 $@.debug $@
