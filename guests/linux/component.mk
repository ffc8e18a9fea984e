# The Linux guest, out of Debian's packages. It does not depend on COMPILER and BUILD.

linux.output   := $(addprefix out/guests/linux/,vmlinuz vmlinux initrd.img kexec.img tiny.img)
linux.packages := $(wildcard out/sources/*_amd64.deb)

out/guests/linux/tiny_init: guests/linux/tiny_init.S guests/linux/component.mk
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)gcc -nostdlib -static -Wl,--build-id=none,-z,noseparate-code,--strip-all -o $@ $<

$(linux.output) &: $(wildcard guests/linux/*.py guests/linux/files/*) guests/linux/packages \
    guests/linux/component.mk out/guests/linux/tiny_init $(linux.packages)
	$(call say,GUEST,$(@D))
	$(Q)python3 -B guests/linux/assemble.py out/sources out/guests/linux/tiny_init $(@D)

.PHONY: guests
guests: $(linux.output)  ## assemble the guests from Debian's packages
	@:
