# musl itself: out/libc/include and, for each compiler, out/libc/COMPILER/libc.a and crt1.o. Nothing
# of it depends on debug or release, so both builds share it.

libc.out     := out/libc
libc.include := $(libc.out)/include
libc.folder  := $(libc.out)/$(COMPILER)
libc.makefile := $(lastword $(MAKEFILE_LIST))
libc.replace := bootstrap/musl/replace

# --- headers: musl's own, and the two that it generates -------------------------------------------
libc.headers := $(libc.include)/.done
$(libc.headers): $(musl.dir)/.sha256 $(libc.makefile)
	$(call say,HEADERS,$(libc.include))
	$(Q)rm -rf $(libc.include) && mkdir -p $(libc.include)/bits
	$(Q)cp -r $(musl.dir)/include/. $(libc.include)
	$(Q)cp $(musl.dir)/arch/generic/bits/*.h $(libc.include)/bits
	$(Q)cp $(musl.dir)/arch/x86_64/bits/*.h $(libc.include)/bits
	$(Q)sed -f $(musl.dir)/tools/mkalltypes.sed $(musl.dir)/arch/x86_64/bits/alltypes.h.in \
	    $(musl.dir)/include/alltypes.h.in >$(libc.include)/bits/alltypes.h
	$(Q)sed -n -e p -e 's/__NR_/SYS_/p' $(musl.dir)/arch/x86_64/bits/syscall.h.in \
	    >$(libc.include)/bits/syscall.h
	$(Q)rm -f $(libc.include)/alltypes.h.in
	$(Q)mkdir -p $(libc.out)/internal
	$(Q)printf '#define VERSION "%s"\n' "$$(cat $(musl.dir)/VERSION)" \
	    >$(libc.out)/internal/version.h
	$(Q)touch $@

# --- which files: an architecture's file replaces the generic one of its path, ours both ---
# Left out: what is about processes, users, terminals, sockets and queues between processes. A
# program that needs one of these does not link.
libc.without := aio crypt ipc ldso mq network passwd temp termios
libc.folders := $(filter-out $(libc.without:%=$(musl.dir)/src/%),\
    $(patsubst %/,%,$(wildcard $(musl.dir)/src/*/))) $(musl.dir)/src/malloc/mallocng

libc.generic := $(sort $(wildcard $(libc.folders:%=%/*.c)))
libc.special := $(sort $(wildcard $(libc.folders:%=%/x86_64/*.[csS])))
libc.ours    := $(sort $(wildcard $(libc.replace)/src/*/*.c $(libc.replace)/src/*/x86_64/*.[cS]))
# The path that a file stands for: without its root, /x86_64 and its suffix.
libc.place    = $(basename $(subst /x86_64/,/,$(patsubst $(musl.dir)/%,%,\
    $(patsubst $(libc.replace)/%,%,$(1)))))
libc.without_places = $(foreach file,$(1),\
    $(if $(filter $(2),$(call libc.place,$(file))),,$(file)))
libc.special := $(call libc.without_places,$(libc.special),$(call libc.place,$(libc.ours)))
libc.generic := $(call libc.without_places,$(libc.generic),\
    $(call libc.place,$(libc.ours) $(libc.special)))
libc.objects := $(patsubst %,$(libc.folder)/%.o,$(libc.generic) $(libc.special) $(libc.ours))

# --- how: as musl's own makefile does, with our architecture headers in front ---
libc.cflags := -std=c99 -nostdinc -ffreestanding -frounding-math -w -Os -pipe -D_XOPEN_SOURCE=700 \
    -fno-omit-frame-pointer -fno-unwind-tables -fno-asynchronous-unwind-tables \
    -ffunction-sections -fdata-sections -fno-stack-protector -fno-pic -fno-pie \
    -fcf-protection=none -Wa,--noexecstack \
    -I$(libc.replace)/arch/x86_64 -I$(musl.dir)/arch/x86_64 -I$(musl.dir)/arch/generic \
    -I$(libc.out)/internal -I$(musl.dir)/src/include -I$(musl.dir)/src/internal -I$(libc.include)
libc.gcc.cflags   := -fexcess-precision=standard -fno-tree-loop-distribute-patterns
libc.clang.cflags := -Qunused-arguments
tidy.commands += $(foreach file,$(filter %.c,$(libc.ours)),'$(file) $(libc.cflags)')
libc.cflags += $(libc.$(COMPILER).cflags)

$(libc.folder)/%.o: % $(libc.headers) $(libc.makefile) $(wildcard $(libc.replace)/arch/x86_64/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) $(libc.cflags) -c -o $@ $<

$(libc.folder)/libc.a: $(libc.objects)
	$(call say,AR,$@)
	$(file >$@.list,$(libc.objects))
	$(Q)rm -f $@ && ar rcD $@ @$@.list

$(libc.folder)/crt1.o: $(libc.folder)/$(musl.dir)/crt/crt1.c.o
	$(Q)cp $< $@

libc: $(libc.folder)/libc.a $(libc.folder)/crt1.o  ## build the C library of user programs
.PHONY: libc

# Both builds use it: it is made before they run at the same time.
debug release: libc
